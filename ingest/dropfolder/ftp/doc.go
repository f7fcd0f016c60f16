// Package ftp is drop folders on FTP servers, in the clear or by TLS: MLSD where the server has it, else what LIST tells.
//
// Data connections are made to the machine of the control connection, wherever the server points. A file counts as read when the
// server says so, not when its stream ends.
package ftp
