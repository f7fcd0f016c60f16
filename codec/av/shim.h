// Calls into libav that go-astiav lacks or does unsafely. Nothing here holds policy.
#ifndef SLUICE_SHIM_H
#define SLUICE_SHIM_H

#include <stdint.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavfilter/avfilter.h>

// The profile names that FFmpeg 8 dropped.
#ifndef FF_PROFILE_H264_CONSTRAINED
#define FF_PROFILE_H264_CONSTRAINED AV_PROFILE_H264_CONSTRAINED
#define FF_PROFILE_H264_INTRA AV_PROFILE_H264_INTRA
#define FF_PROFILE_AAC_LOW AV_PROFILE_AAC_LOW
#define FF_LEVEL_UNKNOWN AV_LEVEL_UNKNOWN
#endif

// Log: a ring of the last lines of one job, found by thread.
typedef struct sl_log sl_log;
void sl_log_install(void);
sl_log *sl_log_new(void);
void sl_log_free(sl_log *l);
void sl_log_bind(sl_log *l);
int sl_log_read(sl_log *l, char *buf, int size);

// Interrupt: a flag and a deadline that libav's blocking calls poll.
typedef struct sl_intr sl_intr;
sl_intr *sl_intr_new(void);
void sl_intr_free(sl_intr *i);
void sl_intr_stop(sl_intr *i);
void sl_intr_deadline(sl_intr *i, int64_t after_us);
int sl_intr_state(sl_intr *i); // 0 running, 1 stopped, 2 past the deadline

// Custom input.
typedef struct sl_io sl_io;
sl_io *sl_io_new(uintptr_t handle, int64_t size, int seekable, int bufsize, sl_intr *intr);
void sl_io_free(sl_io *io);
void sl_io_limit(sl_io *io, int64_t max_bytes);
int sl_io_past_end(sl_io *io);

// Demuxing.
void sl_fmt_prepare(AVFormatContext *fc, sl_io *io, sl_intr *intr, int64_t probesize, int64_t analyze_us, int max_streams);
void sl_fmt_analyze(AVFormatContext *fc, int64_t probesize, int64_t analyze_us, int fps_probe, int max_packets);
int sl_fmt_find_info(AVFormatContext *fc);
int sl_fmt_probe_score(AVFormatContext *fc);
int sl_fmt_seek(AVFormatContext *fc, int stream, int64_t ts);
int sl_fmt_rewind(AVFormatContext *fc);
void sl_stream_discard(AVFormatContext *fc, int stream, int level); // 0 keep, 1 only keyframes, 2 all

typedef struct sl_stream {
	int index, id, kind, disposition;
	int tb_num, tb_den;
	int64_t start, duration, nb_frames;
	int avg_num, avg_den, real_num, real_den;
	int codec_id, profile, level;
	uint32_t tag;
	int64_t bit_rate;
	const uint8_t *extradata;
	int extradata_size;
	char codec[32], profile_name[64], format_name[32], layout[64];
	int has_decoder;
	int width, height, coded_width, coded_height, format, field_order, video_delay, bits_raw;
	int sar_num, sar_den;
	int primaries, transfer, matrix, range, chroma;
	int sample_rate, channels, frame_size, initial_padding;
	int has_matrix;
	int32_t matrix9[9];
	int dv_profile, dv_compat, has_dv, dv_bl;
	int has_cll, max_cll, max_fall;
	int has_mastering;
	double mastering[10];
	int encrypted;
	int depth, log2_cw, log2_ch, fmt_rgb, fmt_alpha, fmt_components, fmt_pal;
} sl_stream;
void sl_stream_get(AVFormatContext *fc, int i, sl_stream *out);

// Parameters that a probe by the header alone found out.
typedef struct sl_params {
	int profile, level, format;
	int field_order, video_delay, sar_num, sar_den;
	int primaries, transfer, matrix, range, chroma;
	int frame_size, channels;
} sl_params;
void sl_stream_complete(AVFormatContext *fc, int i, const sl_params *p);
int64_t sl_stream_start(AVFormatContext *fc, int i);
void sl_stream_set_start(AVFormatContext *fc, int i, int64_t t);
void sl_fmt_settle(AVFormatContext *fc);
int sl_pixfmt_flags(int fmt, int *depth, int *rgb, int *alpha, int *cw, int *ch);

int sl_chapter(AVFormatContext *fc, int i, int64_t *start_us, int64_t *end_us, const char **title);
int sl_program(AVFormatContext *fc, int i, int *id, const char **name, const unsigned **streams, int *n);
int sl_chapters(AVFormatContext *fc);
int sl_programs(AVFormatContext *fc);

// Packets and frames.
typedef struct sl_packet {
	const uint8_t *data;
	int size, stream, flags;
	int64_t pts, dts, duration, pos;
	int skip_start, skip_end;
	const uint8_t *extradata;
	int extradata_size;
} sl_packet;
void sl_packet_get(AVPacket *p, sl_packet *out);

typedef struct sl_frame {
	int64_t pts, best, duration;
	int width, height, format, key, interlaced, tff, corrupt, errors;
	int sar_num, sar_den, nb_samples, sample_rate, channels;
	int primaries, transfer, matrix, range, chroma;
	char layout[64];
} sl_frame;
void sl_frame_get(AVFrame *f, sl_frame *out);
typedef struct sl_hdr {
	int has_mastering, has_cll, max_cll, max_fall, hdr10plus, cc;
	double mastering[10];
} sl_hdr;
void sl_frame_hdr(AVFrame *f, sl_hdr *out);
void sl_frame_set(AVFrame *f, int64_t pts, int pict_type);
void sl_frame_color(AVFrame *f, int primaries, int transfer, int matrix, int range, int chroma);
int sl_frame_meta(AVFrame *f, const char *key, double *out);
int sl_frame_silence(AVFrame *f, int rate, int channels, int n, int format);
int sl_frame_plane(AVFrame *f, int plane, const uint8_t **data, int *linesize);
int sl_frame_luma(AVFrame *f, int *mean, int *variance, int *gradient);

// Codecs.
void sl_ctx_flush(AVCodecContext *c);
void sl_ctx_maxrate(AVCodecContext *c, int64_t bits);
void sl_ctx_pkt_timebase(AVCodecContext *c, int num, int den);
int sl_ctx_audio(AVCodecContext *c, int sample_rate, int channels);
typedef struct sl_ctx {
	int has_b_frames, initial_padding, frame_size, sample_fmt, format, sample_rate, channels;
	const uint8_t *extradata;
	int extradata_size;
	char sample_fmt_name[16], layout[64];
} sl_ctx;
void sl_ctx_get(AVCodecContext *c, sl_ctx *out);
int sl_color_value(const char *kind, const char *name);
const char *sl_color_name(const char *kind, int value);

// Filter graphs with one source and one sink.
typedef struct sl_graph sl_graph;
typedef struct sl_graph_in {
	int audio, width, height, format, tb_num, tb_den, sar_num, sar_den;
	int matrix, range; // AVColorSpace, AVColorRange
	int sample_rate;
	char layout[64];
} sl_graph_in;
sl_graph *sl_graph_new(const sl_graph_in *in, const char *desc, int *err);
int sl_graph_push(sl_graph *g, AVFrame *f);
int sl_graph_pull(sl_graph *g, AVFrame *f);
void sl_graph_timebase(sl_graph *g, int *num, int *den);
void sl_graph_free(sl_graph *g);

// Subtitles: decode one packet; returns the number of text events, negative on error. ASS lines, joined with '\n'.
int sl_sub_decode(AVCodecContext *c, AVPacket *p, char *buf, int size, int *start_ms, int *end_ms, int *got);

const char *sl_strerror(int err, char *buf, int size);
unsigned sl_lib_version(int which);

#endif
