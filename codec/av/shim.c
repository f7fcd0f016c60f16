//go:build cgo

#include "shim.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/eval.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libavutil/time.h>

// ---- log

#define SL_LINES 64
#define SL_LINE 240

struct sl_log {
	pthread_mutex_t mu;
	char line[SL_LINES][SL_LINE];
	unsigned next;
	int64_t window;
	int count;
};

static _Thread_local sl_log *sl_current;

// At most this many lines a second are kept: a hostile file can log millions.
#define SL_RATE 400

static void sl_log_cb(void *ptr, int level, const char *fmt, va_list vl)
{
	sl_log *l = sl_current;
	int prefix = 1;
	char line[SL_LINE];

	if (!l || level > AV_LOG_WARNING)
		return;
	int64_t now = av_gettime_relative() / 1000000;
	pthread_mutex_lock(&l->mu);
	if (now != l->window) {
		l->window = now;
		l->count = 0;
	}
	int keep = l->count++ < SL_RATE;
	pthread_mutex_unlock(&l->mu);
	if (!keep)
		return;
	av_log_format_line2(ptr, level, fmt, vl, line, sizeof line, &prefix);
	line[sizeof line - 1] = 0;
	size_t n = strlen(line);
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = 0;
	if (!n)
		return;
	pthread_mutex_lock(&l->mu);
	memcpy(l->line[l->next++ % SL_LINES], line, n + 1);
	pthread_mutex_unlock(&l->mu);
}

/* The binding names this one function of libavdevice. Nothing here captures from a device, and that library alone brings in a quarter of
 * all that the loader has to map and link for each process (X11, OpenGL, sound). With the name defined here it is not needed. */
void avdevice_register_all(void) {}

void sl_log_install(void) { av_log_set_callback(sl_log_cb); }

sl_log *sl_log_new(void)
{
	sl_log *l = calloc(1, sizeof *l);
	if (l)
		pthread_mutex_init(&l->mu, NULL);
	return l;
}

void sl_log_free(sl_log *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->mu);
	free(l);
}

void sl_log_bind(sl_log *l) { sl_current = l; }

int sl_log_read(sl_log *l, char *buf, int size)
{
	int n = 0;
	pthread_mutex_lock(&l->mu);
	unsigned first = l->next > SL_LINES ? l->next - SL_LINES : 0;
	for (unsigned i = first; i < l->next; i++) {
		int len = (int)strlen(l->line[i % SL_LINES]);
		if (n + len + 1 > size)
			break;
		memcpy(buf + n, l->line[i % SL_LINES], len);
		n += len;
		buf[n++] = '\n';
	}
	pthread_mutex_unlock(&l->mu);
	return n;
}

// ---- interrupt

struct sl_intr {
	_Atomic int stop;
	_Atomic int64_t deadline;
};

sl_intr *sl_intr_new(void) { return calloc(1, sizeof(sl_intr)); }
void sl_intr_free(sl_intr *i) { free(i); }
void sl_intr_stop(sl_intr *i) { atomic_store_explicit(&i->stop, 1, memory_order_relaxed); }

void sl_intr_deadline(sl_intr *i, int64_t after_us)
{
	atomic_store(&i->deadline, after_us > 0 ? av_gettime_relative() + after_us : 0);
}

int sl_intr_state(sl_intr *i)
{
	if (atomic_load_explicit(&i->stop, memory_order_relaxed))
		return 1;
	int64_t d = atomic_load_explicit(&i->deadline, memory_order_relaxed);
	return d && av_gettime_relative() > d ? 2 : 0;
}

static int sl_intr_cb(void *opaque) { return sl_intr_state(opaque) != 0; }

// ---- custom input

extern int sluiceRead(uintptr_t handle, int64_t off, void *buf, int n);

struct sl_io {
	AVIOContext *pb;
	uintptr_t handle;
	int64_t pos, size, limit;
	_Atomic int64_t bytes;
	int past_end, limited;
	sl_intr *intr;
};

static int sl_io_read(void *opaque, uint8_t *buf, int n)
{
	sl_io *io = opaque;
	if (sl_intr_state(io->intr))
		return AVERROR_EXIT;
	if (io->limit && io->bytes >= io->limit) {
		io->limited = 1;
		return AVERROR_EOF;
	}
	if (io->size >= 0 && io->pos > io->size)
		io->past_end = 1;
	int r = sluiceRead(io->handle, io->pos, buf, n);
	if (r == 0)
		return AVERROR_EOF;
	if (r < 0)
		return r == -2 ? AVERROR_EOF : AVERROR(EIO);
	io->pos += r;
	io->bytes += r;
	return r;
}

static int64_t sl_io_seek(void *opaque, int64_t off, int whence)
{
	sl_io *io = opaque;
	if (whence & AVSEEK_SIZE)
		return io->size >= 0 ? io->size : AVERROR(ENOSYS);
	switch (whence & ~AVSEEK_FORCE) {
	case SEEK_SET: break;
	case SEEK_CUR: off += io->pos; break;
	case SEEK_END:
		if (io->size < 0)
			return AVERROR(ENOSYS);
		off += io->size;
		break;
	default: return AVERROR(EINVAL);
	}
	if (off < 0)
		return AVERROR(EINVAL);
	if (io->size >= 0 && off > io->size)
		io->past_end = 1;
	return io->pos = off;
}

sl_io *sl_io_new(uintptr_t handle, int64_t size, int seekable, int bufsize, sl_intr *intr)
{
	sl_io *io = calloc(1, sizeof *io);
	uint8_t *buf = av_malloc(bufsize);
	if (!io || !buf) {
		free(io);
		av_free(buf);
		return NULL;
	}
	io->handle = handle;
	io->size = size;
	io->intr = intr;
	io->pb = avio_alloc_context(buf, bufsize, 0, io, sl_io_read, NULL, seekable ? sl_io_seek : NULL);
	if (!io->pb) {
		av_free(buf);
		free(io);
		return NULL;
	}
	io->pb->seekable = seekable ? AVIO_SEEKABLE_NORMAL : 0;
	return io;
}

void sl_io_free(sl_io *io)
{
	if (!io)
		return;
	av_freep(&io->pb->buffer); // libav may have replaced the one we gave
	avio_context_free(&io->pb);
	free(io);
}

void sl_io_limit(sl_io *io, int64_t max) { io->limit = max; }
int sl_io_past_end(sl_io *io) { return io->past_end; }

// ---- demuxing

static int sl_refuse_open(AVFormatContext *s, AVIOContext **pb, const char *url, int flags, AVDictionary **options)
{
	av_log(s, AV_LOG_ERROR, "the file refers to another file or address; refused\n");
	return AVERROR(EPERM);
}

void sl_fmt_prepare(AVFormatContext *fc, sl_io *io, sl_intr *intr, int64_t probesize, int64_t analyze_us, int max_streams)
{
	fc->pb = io->pb;
	fc->flags |= AVFMT_FLAG_CUSTOM_IO;
	fc->io_open = sl_refuse_open;
	fc->interrupt_callback.callback = sl_intr_cb;
	fc->interrupt_callback.opaque = intr;
	fc->probesize = probesize;
	fc->max_analyze_duration = analyze_us;
	fc->max_streams = max_streams;
	fc->correct_ts_overflow = 1;
}

void sl_fmt_analyze(AVFormatContext *fc, int64_t probesize, int64_t analyze_us, int fps_probe, int max_packets)
{
	fc->probesize = probesize;
	fc->max_analyze_duration = analyze_us;
	fc->fps_probe_size = fps_probe;
	fc->max_probe_packets = max_packets;
}

// Analysing decodes pictures to learn their format; 8192x8192 is more than any limit lets through later.
#define SL_ANALYZE_PIXELS "67108864"

int sl_fmt_find_info(AVFormatContext *fc)
{
	unsigned n = fc->nb_streams;
	AVDictionary **opts = calloc(n ? n : 1, sizeof *opts);
	if (!opts)
		return AVERROR(ENOMEM);
	for (unsigned i = 0; i < n; i++) {
		av_dict_set(&opts[i], "threads", "1", 0);
		av_dict_set(&opts[i], "max_pixels", SL_ANALYZE_PIXELS, 0);
		if (fc->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
			av_dict_set(&opts[i], "skip_loop_filter", "all", 0);
	}
	int ret = avformat_find_stream_info(fc, opts);
	for (unsigned i = 0; i < n; i++)
		av_dict_free(&opts[i]);
	free(opts);
	return ret;
}

int sl_fmt_probe_score(AVFormatContext *fc) { return fc->probe_score; }

int sl_fmt_seek(AVFormatContext *fc, int stream, int64_t ts)
{
	return av_seek_frame(fc, stream, ts, AVSEEK_FLAG_BACKWARD);
}


/* Goes to the first packet. What parses packets goes with the seek, and does not come back. */
int sl_fmt_rewind(AVFormatContext *fc)
{
	fc->flags |= AVFMT_FLAG_NOPARSE;
	return av_seek_frame(fc, -1, -((int64_t)1 << 44), AVSEEK_FLAG_BACKWARD);
}

void sl_stream_discard(AVFormatContext *fc, int stream, int level)
{
	static const enum AVDiscard v[] = {AVDISCARD_DEFAULT, AVDISCARD_NONKEY, AVDISCARD_ALL};
	fc->streams[stream]->discard = v[level];
}

static void sl_copy(char *dst, size_t n, const char *src)
{
	snprintf(dst, n, "%s", src ? src : "");
}

int sl_pixfmt_flags(int fmt, int *depth, int *rgb, int *alpha, int *cw, int *ch)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(fmt);
	if (!d)
		return 0;
	*depth = d->flags & AV_PIX_FMT_FLAG_PAL ? 8 : d->comp[0].depth;
	*rgb = !!(d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
	*alpha = !!(d->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL));
	*cw = d->log2_chroma_w;
	*ch = d->log2_chroma_h;
	return d->nb_components;
}

static void sl_mastering(const AVMasteringDisplayMetadata *m, double *o)
{
	for (int i = 0; i < 3; i++) {
		o[2 * i] = av_q2d(m->display_primaries[i][0]);
		o[2 * i + 1] = av_q2d(m->display_primaries[i][1]);
	}
	o[6] = av_q2d(m->white_point[0]);
	o[7] = av_q2d(m->white_point[1]);
	o[8] = av_q2d(m->min_luminance);
	o[9] = av_q2d(m->max_luminance);
}

// Since FFmpeg 7 a stream's side data lies with its codec parameters.
static const uint8_t *sl_stream_side(AVStream *st, enum AVPacketSideDataType type, size_t *n)
{
#if LIBAVCODEC_VERSION_MAJOR >= 61
	const AVPacketSideData *d = av_packet_side_data_get(st->codecpar->coded_side_data, st->codecpar->nb_coded_side_data, type);
	*n = d ? d->size : 0;
	return d ? d->data : NULL;
#else
	return av_stream_get_side_data(st, type, n);
#endif
}

static void sl_side(AVStream *st, sl_stream *o)
{
	size_t n;
	const uint8_t *p = sl_stream_side(st, AV_PKT_DATA_DISPLAYMATRIX, &n);
	if (p && n >= 36) {
		o->has_matrix = 1;
		memcpy(o->matrix9, p, 36);
	}
	p = sl_stream_side(st, AV_PKT_DATA_DOVI_CONF, &n);
	if (p && n >= sizeof(AVDOVIDecoderConfigurationRecord)) {
		const AVDOVIDecoderConfigurationRecord *d = (const void *)p;
		o->has_dv = 1;
		o->dv_profile = d->dv_profile;
		o->dv_compat = d->dv_bl_signal_compatibility_id;
	}
	p = sl_stream_side(st, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, &n);
	if (p && n >= sizeof(AVContentLightMetadata)) {
		const AVContentLightMetadata *c = (const void *)p;
		o->has_cll = 1;
		o->max_cll = c->MaxCLL;
		o->max_fall = c->MaxFALL;
	}
	p = sl_stream_side(st, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, &n);
	if (p && n >= sizeof(AVMasteringDisplayMetadata)) {
		o->has_mastering = 1;
		sl_mastering((const void *)p, o->mastering);
	}
	p = sl_stream_side(st, AV_PKT_DATA_ENCRYPTION_INIT_INFO, &n);
	o->encrypted = p != NULL;
}

void sl_stream_get(AVFormatContext *fc, int i, sl_stream *o)
{
	AVStream *st = fc->streams[i];
	AVCodecParameters *c = st->codecpar;
	AVRational r;

	memset(o, 0, sizeof *o);
	o->index = st->index;
	o->id = st->id;
	o->kind = c->codec_type;
	o->disposition = st->disposition;
	o->tb_num = st->time_base.num;
	o->tb_den = st->time_base.den;
	o->start = st->start_time;
	o->duration = st->duration;
	o->nb_frames = st->nb_frames;
	o->avg_num = st->avg_frame_rate.num;
	o->avg_den = st->avg_frame_rate.den;
	o->real_num = st->r_frame_rate.num;
	o->real_den = st->r_frame_rate.den;
	o->codec_id = c->codec_id;
	o->profile = c->profile;
	o->level = c->level;
	o->tag = c->codec_tag;
	o->bit_rate = c->bit_rate;
	o->extradata = c->extradata;
	o->extradata_size = c->extradata_size;
	if (c->codec_id != AV_CODEC_ID_NONE)
		sl_copy(o->codec, sizeof o->codec, avcodec_get_name(c->codec_id));
	sl_copy(o->profile_name, sizeof o->profile_name, avcodec_profile_name(c->codec_id, c->profile));
	o->has_decoder = avcodec_find_decoder(c->codec_id) != NULL;
	o->bits_raw = c->bits_per_raw_sample ? c->bits_per_raw_sample : c->bits_per_coded_sample;
	o->format = c->format;
	if (c->codec_type == AVMEDIA_TYPE_VIDEO) {
		o->width = c->width;
		o->height = c->height;
		o->field_order = c->field_order;
		o->video_delay = c->video_delay;
		r = av_guess_sample_aspect_ratio(fc, st, NULL);
		o->sar_num = r.num;
		o->sar_den = r.den;
		o->primaries = c->color_primaries;
		o->transfer = c->color_trc;
		o->matrix = c->color_space;
		o->range = c->color_range;
		o->chroma = c->chroma_location;
		sl_copy(o->format_name, sizeof o->format_name, av_get_pix_fmt_name(c->format));
		o->fmt_components = sl_pixfmt_flags(c->format, &o->depth, &o->fmt_rgb, &o->fmt_alpha, &o->log2_cw, &o->log2_ch);
	} else if (c->codec_type == AVMEDIA_TYPE_AUDIO) {
		o->sample_rate = c->sample_rate;
		o->channels = c->ch_layout.nb_channels;
		o->frame_size = c->frame_size;
		o->initial_padding = c->initial_padding;
		if (c->ch_layout.nb_channels > 0)
			av_channel_layout_describe(&c->ch_layout, o->layout, sizeof o->layout);
		sl_copy(o->format_name, sizeof o->format_name, av_get_sample_fmt_name(c->format));
	}
	sl_side(st, o);
}

void sl_stream_complete(AVFormatContext *fc, int i, const sl_params *p)
{
	AVCodecParameters *c = fc->streams[i]->codecpar;
	c->profile = p->profile;
	c->level = p->level;
	c->format = p->format;
	if (c->codec_type == AVMEDIA_TYPE_VIDEO) {
		c->field_order = p->field_order;
		c->video_delay = p->video_delay;
		if (p->sar_num)
			c->sample_aspect_ratio = (AVRational){p->sar_num, p->sar_den};
		c->color_primaries = p->primaries;
		c->color_trc = p->transfer;
		c->color_space = p->matrix;
		c->color_range = p->range;
		c->chroma_location = p->chroma;
	} else {
		c->frame_size = p->frame_size;
		if (c->ch_layout.order != AV_CHANNEL_ORDER_NATIVE) {
			av_channel_layout_uninit(&c->ch_layout);
			av_channel_layout_default(&c->ch_layout, p->channels);
		}
	}
}

int64_t sl_stream_start(AVFormatContext *fc, int i) { return fc->streams[i]->start_time; }

void sl_stream_set_start(AVFormatContext *fc, int i, int64_t t) { fc->streams[i]->start_time = t; }

// A chapter without an end lasts until the next begins, the last until the file ends.
static void sl_chapter_ends(AVFormatContext *fc)
{
	for (unsigned i = 0; i < fc->nb_chapters; i++) {
		AVChapter *c = fc->chapters[i];
		if (c->end != AV_NOPTS_VALUE || c->time_base.num <= 0 || c->time_base.den <= 0)
			continue;
		int64_t end = INT64_MAX;
		if (fc->duration > 0 && fc->start_time != AV_NOPTS_VALUE && fc->duration < INT64_MAX - fc->start_time)
			end = av_rescale_q(fc->duration + fc->start_time, AV_TIME_BASE_Q, c->time_base);
		for (unsigned j = 0; j < fc->nb_chapters; j++) {
			int64_t next = av_rescale_q(fc->chapters[j]->start, fc->chapters[j]->time_base, c->time_base);
			if (j != i && next > c->start && next < end)
				end = next;
		}
		c->end = end == INT64_MAX || end < c->start ? c->start : end;
	}
}

// Sums up the streams' times as avformat_find_stream_info does.
void sl_fmt_settle(AVFormatContext *fc)
{
	int64_t start = INT64_MAX, start_text = INT64_MAX, end = INT64_MIN, longest = INT64_MIN;
	for (unsigned i = 0; i < fc->nb_streams; i++) {
		AVStream *st = fc->streams[i];
		if (st->start_time == AV_NOPTS_VALUE || st->time_base.den <= 0)
			continue;
		int text = st->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE || st->codecpar->codec_type == AVMEDIA_TYPE_DATA;
		int64_t s = av_rescale_q(st->start_time, st->time_base, AV_TIME_BASE_Q);
		if (text)
			start_text = FFMIN(start_text, s);
		else
			start = FFMIN(start, s);
		if (st->duration == AV_NOPTS_VALUE)
			continue;
		int64_t d = av_rescale_q(st->duration, st->time_base, AV_TIME_BASE_Q);
		longest = FFMAX(longest, d);
		if (!text && s < INT64_MAX - d)
			end = FFMAX(end, s + d);
	}
	if (start == INT64_MAX || (start > start_text && start - start_text < AV_TIME_BASE))
		start = start_text;
	if (start != INT64_MAX) {
		fc->start_time = start;
		if (end != INT64_MIN)
			longest = FFMAX(longest, end - start);
	}
	if (longest > 0 && fc->duration == AV_NOPTS_VALUE)
		fc->duration = longest;
	int64_t size = fc->pb ? avio_size(fc->pb) : 0;
	if (size > 0 && fc->duration > 0)
		fc->bit_rate = av_rescale_rnd(size, 8 * (int64_t)AV_TIME_BASE, fc->duration, AV_ROUND_DOWN);
	for (unsigned i = 0; i < fc->nb_streams; i++) {
		AVStream *st = fc->streams[i];
		if (st->start_time != AV_NOPTS_VALUE || start == INT64_MAX || st->time_base.den <= 0)
			continue;
		st->start_time = av_rescale_q(start, AV_TIME_BASE_Q, st->time_base);
		if (fc->duration != AV_NOPTS_VALUE)
			st->duration = av_rescale_q(fc->duration, AV_TIME_BASE_Q, st->time_base);
	}
	sl_chapter_ends(fc);
}

int sl_chapters(AVFormatContext *fc) { return fc->nb_chapters; }
int sl_programs(AVFormatContext *fc) { return fc->nb_programs; }

int sl_chapter(AVFormatContext *fc, int i, int64_t *start_us, int64_t *end_us, const char **title)
{
	if (i < 0 || i >= (int)fc->nb_chapters)
		return 0;
	AVChapter *c = fc->chapters[i];
	AVDictionaryEntry *t = av_dict_get(c->metadata, "title", NULL, 0);
	if (c->time_base.num <= 0 || c->time_base.den <= 0)
		return 0;
	*start_us = av_rescale_q(c->start, c->time_base, AV_TIME_BASE_Q);
	*end_us = c->end == AV_NOPTS_VALUE ? AV_NOPTS_VALUE : av_rescale_q(c->end, c->time_base, AV_TIME_BASE_Q);
	*title = t ? t->value : "";
	return 1;
}

int sl_program(AVFormatContext *fc, int i, int *id, const char **name, const unsigned **streams, int *n)
{
	if (i < 0 || i >= (int)fc->nb_programs)
		return 0;
	AVProgram *p = fc->programs[i];
	AVDictionaryEntry *t = av_dict_get(p->metadata, "service_name", NULL, 0);
	*id = p->id;
	*name = t ? t->value : "";
	*streams = p->stream_index;
	*n = p->nb_stream_indexes;
	return 1;
}

// ---- packets and frames

void sl_packet_get(AVPacket *p, sl_packet *o)
{
	size_t n;
	o->data = p->data;
	o->size = p->size;
	o->stream = p->stream_index;
	o->flags = p->flags;
	o->pts = p->pts;
	o->dts = p->dts;
	o->duration = p->duration;
	o->pos = p->pos;
	o->skip_start = o->skip_end = 0;
	o->extradata = NULL;
	o->extradata_size = 0;
	const uint8_t *s = av_packet_get_side_data(p, AV_PKT_DATA_SKIP_SAMPLES, &n);
	if (s && n >= 8) {
		o->skip_start = s[0] | s[1] << 8 | s[2] << 16 | s[3] << 24;
		o->skip_end = s[4] | s[5] << 8 | s[6] << 16 | s[7] << 24;
	}
	s = av_packet_get_side_data(p, AV_PKT_DATA_NEW_EXTRADATA, &n);
	if (s && n > 0 && n < 1 << 20) {
		o->extradata = s;
		o->extradata_size = (int)n;
	}
}

void sl_frame_get(AVFrame *f, sl_frame *o)
{
	o->pts = f->pts;
	o->best = f->best_effort_timestamp;
#if LIBAVUTIL_VERSION_MAJOR >= 58
	o->duration = f->duration;
#else
	o->duration = f->pkt_duration;
#endif
	o->width = f->width;
	o->height = f->height;
	o->format = f->format;
#ifdef AV_FRAME_FLAG_INTERLACED // fields until FFmpeg 6.1, flags since
	o->key = !!(f->flags & AV_FRAME_FLAG_KEY);
	o->interlaced = !!(f->flags & AV_FRAME_FLAG_INTERLACED);
	o->tff = !!(f->flags & AV_FRAME_FLAG_TOP_FIELD_FIRST);
#else
	o->key = f->key_frame;
	o->interlaced = f->interlaced_frame;
	o->tff = f->top_field_first;
#endif
	o->corrupt = !!(f->flags & AV_FRAME_FLAG_CORRUPT);
	o->errors = f->decode_error_flags;
	o->sar_num = f->sample_aspect_ratio.num;
	o->sar_den = f->sample_aspect_ratio.den;
	o->nb_samples = f->nb_samples;
	o->sample_rate = f->sample_rate;
	o->channels = f->ch_layout.nb_channels;
	o->primaries = f->color_primaries;
	o->transfer = f->color_trc;
	o->matrix = f->colorspace;
	o->range = f->color_range;
	o->chroma = f->chroma_location;
	o->layout[0] = 0;
	if (f->ch_layout.nb_channels > 0)
		av_channel_layout_describe(&f->ch_layout, o->layout, sizeof o->layout);
}

void sl_frame_hdr(AVFrame *f, sl_hdr *o)
{
	memset(o, 0, sizeof *o);
	AVFrameSideData *d = av_frame_get_side_data(f, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
	if (d && d->size >= sizeof(AVMasteringDisplayMetadata)) {
		o->has_mastering = 1;
		sl_mastering((const void *)d->data, o->mastering);
	}
	d = av_frame_get_side_data(f, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
	if (d && d->size >= sizeof(AVContentLightMetadata)) {
		const AVContentLightMetadata *c = (const void *)d->data;
		o->has_cll = 1;
		o->max_cll = c->MaxCLL;
		o->max_fall = c->MaxFALL;
	}
	o->hdr10plus = av_frame_get_side_data(f, AV_FRAME_DATA_DYNAMIC_HDR_PLUS) != NULL;
	o->cc = av_frame_get_side_data(f, AV_FRAME_DATA_A53_CC) != NULL;
}

void sl_frame_set(AVFrame *f, int64_t pts, int pict_type)
{
	f->pts = pts;
	f->pict_type = pict_type;
	f->pkt_dts = AV_NOPTS_VALUE;
#ifdef AV_FRAME_FLAG_KEY
	f->flags &= ~AV_FRAME_FLAG_KEY;
#else
	f->key_frame = 0;
#endif
}

void sl_frame_color(AVFrame *f, int primaries, int transfer, int matrix, int range, int chroma)
{
	if (primaries >= 0)
		f->color_primaries = primaries;
	if (transfer >= 0)
		f->color_trc = transfer;
	if (matrix >= 0)
		f->colorspace = matrix;
	if (range >= 0)
		f->color_range = range;
	if (chroma >= 0)
		f->chroma_location = chroma;
}

int sl_frame_meta(AVFrame *f, const char *key, double *out)
{
	AVDictionaryEntry *e = av_dict_get(f->metadata, key, NULL, 0);
	if (!e)
		return 0;
	*out = av_strtod(e->value, NULL);
	return 1;
}

int sl_frame_silence(AVFrame *f, int rate, int channels, int n, int format)
{
	f->format = format;
	f->sample_rate = rate;
	f->nb_samples = n;
	av_channel_layout_default(&f->ch_layout, channels);
	int ret = av_frame_get_buffer(f, 0);
	if (ret < 0)
		return ret;
	return av_samples_set_silence(f->extended_data, 0, n, channels, f->format);
}

int sl_frame_plane(AVFrame *f, int plane, const uint8_t **data, int *linesize)
{
	if (plane < 0 || plane >= AV_NUM_DATA_POINTERS || !f->data[plane])
		return 0;
	*data = f->data[plane];
	*linesize = f->linesize[plane];
	return 1;
}

int sl_frame_luma(AVFrame *f, int *mean, int *variance, int *gradient)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	if (!d || d->flags & AV_PIX_FMT_FLAG_RGB || d->comp[0].depth != 8 || d->comp[0].step != 1 || f->width < 2 || f->height < 2)
		return 0;
	uint64_t sum = 0, sq = 0, grad = 0, n = (uint64_t)f->width * f->height;
	for (int y = 0; y < f->height; y++) {
		const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0];
		for (int x = 0; x < f->width; x++) {
			sum += p[x];
			sq += p[x] * p[x];
			if (x)
				grad += p[x] > p[x - 1] ? p[x] - p[x - 1] : p[x - 1] - p[x];
		}
	}
	*mean = (int)(sum / n);
	*variance = (int)(sq / n - (sum / n) * (sum / n));
	*gradient = (int)(grad * 16 / n);
	return 1;
}

// ---- codecs

void sl_ctx_flush(AVCodecContext *c) { avcodec_flush_buffers(c); }

void sl_ctx_maxrate(AVCodecContext *c, int64_t bits) { c->rc_max_rate = bits; }

void sl_ctx_pkt_timebase(AVCodecContext *c, int num, int den) { c->pkt_timebase = (AVRational){num, den}; }

static const enum AVSampleFormat *sl_sample_formats(const AVCodec *c)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
	const void *p = NULL;
	if (!c || avcodec_get_supported_config(NULL, c, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &p, NULL) < 0)
		return NULL;
	return p;
#else
	return c ? c->sample_fmts : NULL;
#endif
}

int sl_ctx_audio(AVCodecContext *c, int sample_rate, int channels)
{
	c->sample_rate = sample_rate;
	const enum AVSampleFormat *p = sl_sample_formats(c->codec);
	c->sample_fmt = p ? *p : AV_SAMPLE_FMT_FLTP;
	for (; p && *p >= 0; p++)
		if (*p == AV_SAMPLE_FMT_FLTP)
			c->sample_fmt = *p;
	av_channel_layout_uninit(&c->ch_layout);
	av_channel_layout_default(&c->ch_layout, channels);
	c->time_base = (AVRational){1, sample_rate};
	return c->sample_fmt;
}

void sl_ctx_get(AVCodecContext *c, sl_ctx *o)
{
	memset(o, 0, sizeof *o);
	o->has_b_frames = c->has_b_frames;
	o->initial_padding = c->initial_padding;
	o->frame_size = c->frame_size;
	o->sample_fmt = c->sample_fmt;
	o->format = c->pix_fmt;
	o->sample_rate = c->sample_rate;
	o->channels = c->ch_layout.nb_channels;
	o->extradata = c->extradata;
	o->extradata_size = c->extradata_size;
	sl_copy(o->sample_fmt_name, sizeof o->sample_fmt_name, av_get_sample_fmt_name(c->sample_fmt));
	if (c->ch_layout.nb_channels > 0)
		av_channel_layout_describe(&c->ch_layout, o->layout, sizeof o->layout);
}

int sl_color_value(const char *kind, const char *name)
{
	switch (kind[0]) {
	case 'p': return av_color_primaries_from_name(name);
	case 't': return av_color_transfer_from_name(name);
	case 'm': return av_color_space_from_name(name);
	case 'r': return av_color_range_from_name(name);
	case 'c': return av_chroma_location_from_name(name);
	}
	return -1;
}

const char *sl_color_name(const char *kind, int v)
{
	switch (kind[0]) {
	case 'p': return v == AVCOL_PRI_UNSPECIFIED ? NULL : av_color_primaries_name(v);
	case 't': return v == AVCOL_TRC_UNSPECIFIED ? NULL : av_color_transfer_name(v);
	case 'm': return v == AVCOL_SPC_UNSPECIFIED ? NULL : av_color_space_name(v);
	case 'r': return v == AVCOL_RANGE_UNSPECIFIED ? NULL : av_color_range_name(v);
	case 'c': return v == AVCHROMA_LOC_UNSPECIFIED ? NULL : av_chroma_location_name(v);
	}
	return NULL;
}

// ---- graphs

struct sl_graph {
	AVFilterGraph *g;
	AVFilterContext *src, *sink;
};

static int sl_graph_source(sl_graph *g, const sl_graph_in *in)
{
	AVBufferSrcParameters *p = av_buffersrc_parameters_alloc();
	int ret;
	if (!p)
		return AVERROR(ENOMEM);
	g->src = avfilter_graph_alloc_filter(g->g, avfilter_get_by_name(in->audio ? "abuffer" : "buffer"), "in");
	if (!g->src) {
		av_free(p);
		return AVERROR(ENOMEM);
	}
	p->format = in->format;
	p->time_base = (AVRational){in->tb_num, in->tb_den};
	if (in->audio) {
		p->sample_rate = in->sample_rate;
		ret = av_channel_layout_from_string(&p->ch_layout, in->layout);
		if (ret < 0)
			goto end;
	} else {
		p->width = in->width;
		p->height = in->height;
		p->sample_aspect_ratio = (AVRational){in->sar_num, in->sar_den ? in->sar_den : 1};
#if LIBAVFILTER_VERSION_MAJOR >= 10 // links carry the colour since FFmpeg 7
		p->color_space = in->matrix;
		p->color_range = in->range;
#endif
	}
	ret = av_buffersrc_parameters_set(g->src, p);
	if (ret >= 0)
		ret = avfilter_init_dict(g->src, NULL);
end:
	av_channel_layout_uninit(&p->ch_layout);
	av_free(p);
	return ret;
}

sl_graph *sl_graph_new(const sl_graph_in *in, const char *desc, int *err)
{
	AVFilterInOut *ins = NULL, *outs = NULL;
	sl_graph *g = calloc(1, sizeof *g);
	int ret = AVERROR(ENOMEM);
	if (!g || !(g->g = avfilter_graph_alloc()))
		goto fail;
	g->g->nb_threads = 1;
	ret = avfilter_graph_parse2(g->g, desc, &ins, &outs);
	if (ret < 0)
		goto fail;
	if (!ins || ins->next || !outs || outs->next) {
		ret = AVERROR(EINVAL);
		goto fail;
	}
	if ((ret = sl_graph_source(g, in)) < 0)
		goto fail;
	ret = avfilter_graph_create_filter(&g->sink, avfilter_get_by_name(in->audio ? "abuffersink" : "buffersink"), "out", NULL, NULL, g->g);
	if (ret < 0)
		goto fail;
	if ((ret = avfilter_link(g->src, 0, ins->filter_ctx, ins->pad_idx)) < 0 ||
	    (ret = avfilter_link(outs->filter_ctx, outs->pad_idx, g->sink, 0)) < 0 ||
	    (ret = avfilter_graph_config(g->g, NULL)) < 0)
		goto fail;
	avfilter_inout_free(&ins);
	avfilter_inout_free(&outs);
	*err = 0;
	return g;
fail:
	avfilter_inout_free(&ins);
	avfilter_inout_free(&outs);
	sl_graph_free(g);
	*err = ret;
	return NULL;
}

int sl_graph_push(sl_graph *g, AVFrame *f)
{
	return av_buffersrc_add_frame_flags(g->src, f, AV_BUFFERSRC_FLAG_KEEP_REF);
}

int sl_graph_pull(sl_graph *g, AVFrame *f) { return av_buffersink_get_frame(g->sink, f); }

void sl_graph_timebase(sl_graph *g, int *num, int *den)
{
	AVRational r = av_buffersink_get_time_base(g->sink);
	*num = r.num;
	*den = r.den;
}

void sl_graph_free(sl_graph *g)
{
	if (!g)
		return;
	avfilter_graph_free(&g->g);
	free(g);
}

// ---- subtitles

int sl_sub_decode(AVCodecContext *c, AVPacket *p, char *buf, int size, int *start_ms, int *end_ms, int *got)
{
	AVSubtitle sub;
	int n = 0, len = 0;
	memset(&sub, 0, sizeof sub);
	*got = 0;
	int ret = avcodec_decode_subtitle2(c, &sub, got, p);
	if (ret < 0 || !*got)
		return ret < 0 ? ret : 0;
	*start_ms = (int)sub.start_display_time;
	*end_ms = sub.end_display_time == UINT32_MAX ? -1 : (int)sub.end_display_time;
	for (unsigned i = 0; i < sub.num_rects; i++) {
		const char *s = sub.rects[i]->type == SUBTITLE_ASS ? sub.rects[i]->ass : sub.rects[i]->text;
		if (!s)
			continue;
		int l = (int)strlen(s);
		if (len + l + 2 > size)
			break;
		memcpy(buf + len, s, l);
		len += l;
		buf[len++] = '\n';
		n++;
	}
	buf[len] = 0;
	avsubtitle_free(&sub);
	return n;
}

const char *sl_strerror(int err, char *buf, int size)
{
	if (av_strerror(err, buf, size) < 0)
		sl_copy(buf, size, "unknown error");
	return buf;
}

unsigned sl_lib_version(int which)
{
	switch (which) {
	case 0: return avutil_version();
	case 1: return avcodec_version();
	case 2: return avformat_version();
	case 3: return avfilter_version();
	}
	return 0;
}
