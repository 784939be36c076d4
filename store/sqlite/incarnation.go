package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// An incarnation is which file this is, and how often it has been opened and closed. It is kept in
// the file and beside it. A file with a smaller number than the one beside it is a copy of earlier.
type incarnation struct {
	id     string // 32 hexadecimal digits
	number int64
}

// beside is the name of the file with the incarnation.
func beside(path string) string { return path + "-incarnation" }

// readBeside returns what is beside the file. It is the zero incarnation if there is nothing.
func readBeside(path string) (in incarnation, err error) {
	b, err := os.ReadFile(beside(path))
	if errors.Is(err, fs.ErrNotExist) {
		return in, nil
	}
	if err != nil {
		return in, err
	}
	if n, _ := fmt.Sscanf(string(b), "signet incarnation 1\n%32s %d\n", &in.id, &in.number); n != 2 || len(in.id) != 32 || in.number <= 0 {
		return in, fmt.Errorf("%s does not hold an incarnation", beside(path))
	}
	return in, nil
}

// write puts the incarnation beside the file, durably.
func (in incarnation) write(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(beside(path))) // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "signet incarnation 1\n%s %d\n", in.id, in.number)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), beside(path))
}

var (
	errOlder = errors.New("sqlite: the file is an older copy of what was here: its sessions would use message keys again. " +
		"Restore a backup of package backup; or open it with Options.Copied, and call Device.ArchiveAll before anything else")
	errAnother = errors.New("sqlite: the file is not the one that was here; see Options.Copied")
	errAlone   = errors.New("sqlite: the file has been copied or moved without the -incarnation beside it, and perhaps without its -wal; " +
		"see Options.Copied")
	errNoLog = errors.New("sqlite: the file is empty and was in use: it has been copied without its -wal")
	errNone  = errors.New("sqlite: the file holds no store, and Options.MustExist says that there is one")
	errMoved = errors.New("sqlite: the file, or its -wal, was removed or replaced while it was open: nothing of it can be relied on")
)

// begun makes the present incarnation the next one, in a transaction of Open or Close. The file is
// written first: if the program ends in between, what is beside it is too old, which does no harm.
func (s *Store) begun(tx *sql.Tx, fresh, copied bool) (incarnation, error) {
	there, err := readBeside(s.path)
	if err != nil && !copied {
		return there, fmt.Errorf("sqlite: %w", err)
	}
	copied = copied || fresh || there.number == conception // of those that begin a file at once, one is first
	var in incarnation
	err = tx.QueryRow(`SELECT id, number FROM signet_incarnation`).Scan(&in.id, &in.number)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		in.id = newID()
		if there.id != "" && !copied {
			return in, errAnother // what was here had one
		}
		_, err = tx.Exec(`INSERT INTO signet_incarnation VALUES (?, ?)`, in.id, conception)
		in.number = conception
	case err != nil || copied:
	case there.id == "":
		return in, errAlone
	case there.id != in.id:
		return in, errAnother
	case in.number < there.number:
		s.older = errOlder
		return there, nil
	}
	if err != nil {
		return in, fmt.Errorf("sqlite: incarnation: %w", err)
	}
	if in.number++; copied {
		in.number = max(in.number, there.number+1)
	}
	if _, err := tx.Exec(`UPDATE signet_incarnation SET number = ?`, in.number); err != nil {
		return in, fmt.Errorf("sqlite: incarnation: %w", err)
	}
	return in, nil
}

// conception is the number beside a file that no Open has finished with yet.
const conception = 1

// conceived puts the first incarnation beside a file that is about to become a store.
func conceived(path string) error { return incarnation{id: newID(), number: conception}.write(path) }

func newID() string {
	b := make([]byte, 16)
	rand.Read(b) // it does not fail
	return fmt.Sprintf("%x", b)
}

// settle puts the incarnation beside the file, unless another process has put a later one there.
func (s *Store) settle(in incarnation) error {
	there, err := readBeside(s.path)
	if err == nil && there.id == in.id && there.number >= in.number {
		return nil
	}
	if err := in.write(s.path); err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	return nil
}

// ended makes copies of now older ones when the file is used again.
func (s *Store) ended() {
	if s.older != nil || s.still() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	tx, err := s.begin(ctx)
	if err != nil {
		return
	}
	defer tx.Rollback()
	if in, err := s.begun(tx, false, false); err == nil && tx.Commit() == nil {
		s.settle(in)
	}
}

// A standing is the files as they were opened.
type standing struct{ main, log os.FileInfo }

func stand(path string) (st standing, err error) {
	if st.main, err = os.Stat(path); err == nil {
		st.log, err = os.Stat(path + "-wal")
	}
	return st, err
}

// still fails if the files are not those that were opened. It looks at names alone: to open and
// close the file would drop the locks of the process.
func (s *Store) still() error {
	now, err := stand(s.path)
	if err != nil || !os.SameFile(now.main, s.standing.main) || !os.SameFile(now.log, s.standing.log) {
		return errMoved
	}
	return nil
}
