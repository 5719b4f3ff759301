package slacksim

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
)

// upload is a file between the calls of files.getUploadURLExternal and files.completeUploadExternal.
type upload struct {
	file   File
	length int
	secret string
	filled bool
}

func filesGetUploadURL(ws *Workspace, q *request) (obj, *apiError) {
	name := q.str("filename")
	length, err := strconv.Atoi(q.str("length"))
	if name == "" || err != nil || length <= 0 {
		return nil, failed("invalid_arguments").withMessages("filename and a positive length are required")
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	u := &upload{file: File{ID: ws.nextID("F"), Name: name, Title: name}, length: length, secret: secret()}
	u.file.MimeType = mime.TypeByExtension(filepath.Ext(name))
	if u.file.MimeType == "" {
		u.file.MimeType = "text/plain"
	}
	ws.uploads[u.file.ID] = u
	return obj{"upload_url": ws.baseURL + "/upload/v1/" + u.file.ID + "?key=" + u.secret, "file_id": u.file.ID}, nil
}

// serveUpload receives the content of a file: the whole body, or the first file of a multipart form.
func (ws *Workspace) serveUpload(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	content, err := uploaded(r)
	if err != nil {
		http.Error(w, "the upload could not be read", http.StatusBadRequest)
		return
	}
	ws.mu.Lock()
	u := ws.uploads[r.PathValue("id")]
	known := u != nil && r.URL.Query().Get("key") == u.secret
	fits := known && len(content) == u.length
	if fits {
		u.file.Content, u.filled = content, true
	}
	ws.mu.Unlock()
	switch {
	case !known:
		http.Error(w, "unknown upload", http.StatusNotFound)
	case !fits:
		http.Error(w, "the length is not the one announced", http.StatusBadRequest)
	default:
		fmt.Fprintf(w, "OK - %d", len(content))
	}
}

func uploaded(r *http.Request) ([]byte, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return io.ReadAll(r.Body)
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, err
	}
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, fmt.Errorf("no file in the form: %w", err)
		}
		if part.FileName() != "" {
			return io.ReadAll(part)
		}
	}
}

func filesComplete(ws *Workspace, q *request) (obj, *apiError) {
	var wanted []struct{ ID, Title string }
	if json.Unmarshal(q.json("files"), &wanted) != nil || len(wanted) == 0 {
		return nil, failed("invalid_arguments").withMessages("files must be a list of id and title")
	}
	var target Channel
	if id := q.str("channel_id"); id != "" {
		var err *apiError
		if target, err = ws.postTarget(id); err != nil {
			return nil, err
		}
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var files []File
	out := []any{}
	for _, w := range wanted {
		u := ws.uploads[w.ID]
		if u == nil || !u.filled {
			return nil, failed("file_not_found")
		}
		if w.Title != "" {
			u.file.Title = w.Title
		}
		files = append(files, u.file)
		out = append(out, obj{"id": u.file.ID, "title": u.file.Title})
	}
	for _, f := range files {
		delete(ws.uploads, f.ID)
	}
	if target.ID != "" {
		m := ws.botMessage(target.ID, content{text: q.str("initial_comment")}, q.str("thread_ts"))
		m.Files = files
		ws.addMessage(m)
	}
	return obj{"files": out}, nil
}
