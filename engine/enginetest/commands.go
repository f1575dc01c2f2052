package enginetest

import "github.com/hearthcache/hearth/op"

// Commands returns an empty command of every type. A new command takes a line in one of the lists below, so that scripts
// can say it.
func Commands() []op.Op { return append(modelled(), redisCommands()...) }

// modelled lists the commands that are in random histories, which is all that Momento's calls need.
func modelled() []op.Op {
	return []op.Op{
		&op.Get{}, &op.GetTTL{}, &op.Set{}, &op.Delete{}, &op.GetWithHash{}, &op.SetIf{}, &op.SetIfHash{}, &op.Exists{}, &op.Increment{},
		&op.UpdateTTL{}, &op.ItemTTL{}, &op.ItemType{}, &op.DeleteKind{},

		&op.DictSet{}, &op.DictGet{}, &op.DictFetch{}, &op.DictIncrement{}, &op.DictDelete{}, &op.DictLength{},

		&op.SetUnion{}, &op.SetSubtract{}, &op.SetSubtractFrom{}, &op.SetFetch{}, &op.SetContains{}, &op.SetSample{},
		&op.SetPop{}, &op.SetLength{},

		&op.ListPush{}, &op.ListPop{}, &op.ListFetch{}, &op.ListRetain{}, &op.ListRemove{}, &op.ListErase{}, &op.ListLength{},

		&op.SortedPut{}, &op.SortedFetch{}, &op.SortedScore{}, &op.SortedRank{}, &op.SortedRemove{}, &op.SortedIncrement{},
		&op.SortedCount{}, &op.SortedLength{}, &op.SortedUnionStore{}, &op.SortedFetchAny{}, &op.SortedReplace{},

		&op.BoardUpsert{}, &op.BoardRemove{}, &op.BoardDelete{}, &op.BoardLength{}, &op.BoardByRank{}, &op.BoardByScore{},
		&op.BoardRank{}, &op.BoardCompetitionRank{},
	}
}

// Modelled returns the names of the commands that random histories are made of.
func Modelled() map[string]bool {
	names := map[string]bool{}
	for _, o := range modelled() {
		names[o.Spec().Name] = true
	}
	return names
}
