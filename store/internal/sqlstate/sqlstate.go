// Package sqlstate names the error codes of PostgreSQL that the stores tell apart.
package sqlstate

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// The codes (PostgreSQL, appendix A).
const (
	DivisionByZero       = "22012"
	ReadOnlyTransaction  = "25006"
	UniqueViolation      = "23505"
	SerializationFailure = "40001"
	DeadlockDetected     = "40P01"
	DuplicateTable       = "42P07"
	DuplicateObject      = "42710"
	UndefinedTable       = "42P01"
	LockNotAvailable     = "55P03"
	WrongState           = "55000" // "recovery is in progress", among others
)

// Is reports whether err is an answer of the server with one of these codes.
func Is(err error, codes ...string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(codes, e.Code)
}
