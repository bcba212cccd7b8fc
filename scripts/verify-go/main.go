// Command verify checks one directory of Custos evidence with the Go project's own transparency-log library.
//
// It checks what golang.org/x/mod can: checkpoint signatures, that every record is in the signed tree, every full and
// partial hash tile it needs for that, and the SHA-256 of every segment that a record names. It does not check the
// order of records; custos-verify and verify.py do. Usage: go run . DIR VKEY
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	exitOwnTrouble = 1
	exitUsage      = 2
	exitBad        = 6
	tileHeight     = 8
	tileWidth      = 1 << tileHeight
)

// record is the part of a record that names a file.
type record struct {
	Type string
	Time struct{ UTC string }
	Sess struct{ ID string }
	Body struct {
		Segment int
		Bytes   int64
		SHA256  string
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: verify DIR VKEY")
		os.Exit(exitUsage)
	}
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(exitUsage)
	}
	node := filepath.Join(os.Args[1], "logs", filepath.FromSlash(verifier.Name()))
	months, err := os.ReadDir(node)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(exitOwnTrouble)
	}
	good := len(months) > 0
	days := map[string]string{} // first day of each session, from its session.start
	for _, month := range months {
		origin := verifier.Name() + "/" + month.Name()
		size, segments, err := verifyLog(os.Args[1], origin, verifier, days)
		if err != nil {
			fmt.Printf("FAIL %s: %v\n", origin, err)
			good = false
			continue
		}
		fmt.Printf("%s: %d records are in the signed tree, %d segments are those that they name\n", origin, size, segments)
	}
	if !good {
		fmt.Println("FAIL")
		os.Exit(exitBad)
	}
	fmt.Println("PASS")
}

func verifyLog(dir, origin string, verifier note.Verifier, days map[string]string) (int64, int, error) {
	top := filepath.Join(dir, "logs", filepath.FromSlash(origin))
	signed, err := os.ReadFile(filepath.Join(top, "checkpoint"))
	if err != nil {
		return 0, 0, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return 0, 0, fmt.Errorf("checkpoint: %w", err)
	}
	tree, err := parseCheckpoint(opened.Text, origin)
	if err != nil {
		return 0, 0, err
	}
	// The reader authenticates every tile against the root before it hands out a hash.
	hashes := tlog.TileHashReader(tree, &tiles{top: top})
	segments := 0
	for first := int64(0); first < tree.N; first += tileWidth {
		width := min(tree.N-first, tileWidth)
		records, err := readBundle(top, first/tileWidth, int(width))
		if err != nil {
			return 0, 0, err
		}
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, first+int64(i))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return 0, 0, err
		}
		for i, bytes := range records {
			if tlog.RecordHash(bytes) != leaves[i] {
				return 0, 0, fmt.Errorf("record %d is not the one in the tree", first+int64(i))
			}
			checked, err := verifySegment(dir, bytes, days)
			if err != nil {
				return 0, 0, fmt.Errorf("record %d: %w", first+int64(i), err)
			}
			segments += checked
		}
	}
	return tree.N, segments, nil
}

// parseCheckpoint reads origin, size and root; tlog.ParseTree knows only the Go checksum database's own first line.
func parseCheckpoint(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != origin {
		return tlog.Tree{}, errors.New("the checkpoint is not one of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 {
		return tlog.Tree{}, errors.New("the checkpoint has no size")
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func readBundle(top string, number int64, width int) ([][]byte, error) {
	// A level of -1 is how tlog names record data; C2SP calls the directory "entries".
	tile := tlog.Tile{H: tileHeight, L: -1, N: number, W: width}
	path := strings.Replace(tilePath(tile), "tile/data/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(top, path))
	if err != nil {
		return nil, err
	}
	var records [][]byte
	for len(data) >= 2 {
		length := int(data[0])<<8 | int(data[1])
		if len(data) < 2+length {
			break
		}
		records = append(records, data[2:2+length])
		data = data[2+length:]
	}
	if len(records) != width || len(data) != 0 {
		return nil, fmt.Errorf("%s does not hold %d records", path, width)
	}
	return records, nil
}

func verifySegment(dir string, data []byte, days map[string]string) (int, error) {
	if !bytes.Contains(data, []byte(`"type":"se`)) {
		return 0, nil
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return 0, err
	}
	switch r.Type {
	case "session.start":
		if len(r.Time.UTC) < len("2026-11-21") {
			return 0, errors.New("session.start has no time")
		}
		days[r.Sess.ID] = strings.ReplaceAll(r.Time.UTC[:10], "-", "/")
	case "segment.closed":
		day, known := days[r.Sess.ID]
		if !known {
			return 0, fmt.Errorf("session %s began in a log that was not given", r.Sess.ID)
		}
		name := fmt.Sprintf("%04d.jsonl.zst", r.Body.Segment)
		content, err := os.ReadFile(filepath.Join(dir, "segments", day, r.Sess.ID, name))
		if err != nil {
			return 0, err
		}
		sum := sha256.Sum256(content)
		if int64(len(content)) != r.Body.Bytes || hex.EncodeToString(sum[:]) != r.Body.SHA256 {
			return 0, fmt.Errorf("segment %d of session %s is another file", r.Body.Segment, r.Sess.ID)
		}
		return 1, nil
	}
	return 0, nil
}

// tiles reads tiles from the log's directory.
type tiles struct{ top string }

func (t *tiles) Height() int { return tileHeight }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.top, tilePath(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath is the C2SP name, which leaves out the tile height.
func tilePath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}
