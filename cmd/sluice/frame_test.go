package main

import (
	"bytes"
	"image/color"
	"image/jpeg"
	"testing"
)

func TestPicturesOfAnyTimeAndSize(t *testing.T) {
	s := startServer(t)
	// White grows from the left, 10 pixels a frame.
	src := clip(t, "ramp.mp4", "-f", "lavfi", "-i", "color=black:size=640x360:rate=10:duration=6,geq=lum='if(lt(X,10*N),235,16)':cb=128:cr=128",
		"-c:v", "libx264", "-preset", "ultrafast", "-crf", "8", "-pix_fmt", "yuv420p")
	id := string(s.ingest(true, src)[0].Entry)
	for _, c := range []struct {
		name        string
		w, h, frame int
	}{
		{"thumb-0.jpg", 640, 360, 0}, {"thumb-1250.jpg", 640, 360, 12}, {"thumb-2150-w320.jpg", 320, 180, 21},
		{"thumb-4750-w300-h300.jpg", 300, 300, 47}, {"thumb-5950-h400.jpg", 712, 400, 59},
	} {
		img, err := jpeg.Decode(bytes.NewReader(s.get("/thumb/" + id + "/" + c.name)))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if b := img.Bounds(); b.Dx() != c.w || b.Dy() != c.h {
			t.Errorf("%s is %v", c.name, b)
		}
		white := 0
		for x := range c.w {
			if color.GrayModel.Convert(img.At(x, c.h/2)).(color.Gray).Y > 128 {
				white++
			}
		}
		if got := white * 640 / c.w; got < 10*c.frame-4 || got > 10*c.frame+4 {
			t.Errorf("%s is white for %d of 640 pixels, frame %d for %d", c.name, got, c.frame, 10*c.frame)
		}
	}
	if status, _, _ := s.tryGet("/thumb/" + id + "/thumb-60000-w640.jpg"); status != 404 {
		t.Errorf("after the end: status %d", status)
	}
}
