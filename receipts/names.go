package receipts

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// NameRecords keeps people's names, by group.
type NameRecords interface {
	Names(ctx context.Context, group string, userIDs []string) (Names, error)
	SaveNames(ctx context.Context, group string, names Names) error
}

// Directory knows the people of the organisation.
type Directory interface {
	UserName(ctx context.Context, userID string) (string, error)
}

// Bounds of asking for names: how many at the same time, and how many for one
// answer. Nobody waits for the names of thousands, one call each.
const (
	lookups    = 8
	lookupsMax = 200
)

// NameResolver knows what people are called.
type NameResolver struct {
	Records   NameRecords
	Directory Directory
}

// Names returns the names of the people, from the records or else from the
// directory. Whoever's name can't be found is left out; the error says why, and
// the names are good all the same.
func (b *NameResolver) Names(ctx context.Context, group string, userIDs []string) (Names, error) {
	names, err := b.Records.Names(ctx, group, userIDs)
	if err != nil {
		return Names{}, fmt.Errorf("read names: %w", err)
	}
	var (
		mu    sync.Mutex
		found = Names{}
		asks  errgroup.Group
	)
	asks.SetLimit(lookups)
	asked := 0
	for _, id := range userIDs {
		if names[id] != "" || asked == lookupsMax {
			continue
		}
		asked++
		asks.Go(func() error {
			name, err := b.Directory.UserName(ctx, id)
			if err != nil {
				return fmt.Errorf("look up name: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			found[id] = name
			return nil
		})
	}
	err = asks.Wait()
	for id, name := range found {
		names[id] = name
	}
	if len(found) == 0 {
		return names, err
	}
	if keepErr := b.Records.SaveNames(ctx, group, found); err == nil && keepErr != nil {
		err = fmt.Errorf("keep names: %w", keepErr)
	}
	return names, err
}
