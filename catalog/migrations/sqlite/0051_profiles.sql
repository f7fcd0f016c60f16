-- +goose Up
CREATE TABLE flavor_params (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account        INTEGER NOT NULL,
    name           TEXT NOT NULL,
    system_name    TEXT NOT NULL,
    description    TEXT NOT NULL,
    tags           TEXT NOT NULL,
    format         TEXT NOT NULL,
    video_codec    TEXT NOT NULL,
    profile        TEXT NOT NULL,
    video_rate     INTEGER NOT NULL,
    width          INTEGER NOT NULL,
    height         INTEGER NOT NULL,
    audio_codec    TEXT NOT NULL,
    audio_rate     INTEGER NOT NULL,
    audio_channels INTEGER NOT NULL,
    more           TEXT,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER NOT NULL
);
CREATE INDEX flavor_params_account ON flavor_params (account, id) WHERE deleted_at = 0;
CREATE UNIQUE INDEX flavor_params_system_name ON flavor_params (account, system_name) WHERE deleted_at = 0 AND system_name <> '';

-- The system's own: the source, the standard ladder, and the two sounds that go with it.
INSERT INTO flavor_params (id, account, name, system_name, description, tags, format, video_codec, profile, video_rate, width, height,
    audio_codec, audio_rate, audio_channels, created_at, updated_at, deleted_at) VALUES
(0, 0, 'Source', 'Source', 'The file as received', 'source', '', '', '', 0, 0, 0, '', 0, 0, 0, 0, 0),
(1, 0, '360p', '360p', 'H.264 up to 0.8 Mb/s', 'mbr,web,iphonenew,ipadnew,dash', 'mp4', 'h264', '', 800000, 0, 360, 'aac', 64000, 1, 0, 0, 0),
(2, 0, '540p', '540p', 'H.264 up to 1.5 Mb/s', 'mbr,web,iphonenew,ipadnew,dash', 'mp4', 'h264', '', 1500000, 0, 540, 'aac', 128000, 2, 0, 0, 0),
(3, 0, '720p', '720p', 'H.264 up to 2.5 Mb/s', 'mbr,web,iphonenew,ipadnew,dash', 'mp4', 'h264', '', 2500000, 0, 720, 'aac', 128000, 2, 0, 0, 0),
(4, 0, '1080p', '1080p', 'H.264 up to 4.5 Mb/s', 'mbr,web,iphonenew,ipadnew,dash', 'mp4', 'h264', '', 4500000, 0, 1080, 'aac', 128000, 2, 0, 0, 0),
(5, 0, '1440p', '1440p', 'H.264 up to 8 Mb/s', 'mbr,web,iphonenew,ipadnew,dash', 'mp4', 'h264', '', 8000000, 0, 1440, 'aac', 128000, 2, 0, 0, 0),
(6, 0, '2160p', '2160p', 'H.264 up to 14 Mb/s', 'mbr,web,iphonenew,ipadnew,dash', 'mp4', 'h264', '', 14000000, 0, 2160, 'aac', 128000, 2, 0, 0, 0),
(7, 0, 'Audio 64k', 'Audio64k', 'AAC, 64 kb/s mono', 'mbr,web,iphonenew,ipadnew,dash,audio_only', 'mp4', '', '', 0, 0, 0, 'aac', 64000, 1, 0, 0, 0),
(8, 0, 'Audio 128k', 'Audio128k', 'AAC, 128 kb/s stereo', 'mbr,web,iphonenew,ipadnew,dash,audio_only', 'mp4', '', '', 0, 0, 0, 'aac', 128000, 2, 0, 0, 0),
(100, 0, 'reserved', 'reserved', '', '', '', '', '', 0, 0, 0, '', 0, 0, 0, 0, 1);

CREATE TABLE conversion_profiles (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    account        INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    type           INTEGER NOT NULL,
    name           TEXT NOT NULL,
    system_name    TEXT NOT NULL,
    description    TEXT NOT NULL,
    tags           TEXT NOT NULL,
    default_entry  TEXT NOT NULL,
    is_default     BOOLEAN NOT NULL,
    audio_language TEXT NOT NULL,
    more           TEXT,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    deleted_at     INTEGER NOT NULL
);
CREATE INDEX conversion_profiles_account ON conversion_profiles (account, id) WHERE deleted_at = 0;
CREATE UNIQUE INDEX conversion_profiles_default ON conversion_profiles (account, type) WHERE is_default AND deleted_at = 0;
CREATE UNIQUE INDEX conversion_profiles_system_name ON conversion_profiles (account, system_name) WHERE deleted_at = 0 AND system_name <> '';

CREATE TABLE profile_params (
    profile     INTEGER NOT NULL REFERENCES conversion_profiles (id) ON DELETE CASCADE,
    params      INTEGER NOT NULL,
    ready       INTEGER NOT NULL,
    origin      INTEGER NOT NULL,
    system_name TEXT NOT NULL,
    more        TEXT,
    PRIMARY KEY (profile, params)
);
