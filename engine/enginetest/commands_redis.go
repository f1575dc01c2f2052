package enginetest

import "github.com/hearthcache/hearth/op"

// redisCommands lists the commands that only Redis clients use. The model does not know them: Agree holds them against a
// server instead.
func redisCommands() []op.Op {
	return []op.Op{
		&op.Append{}, &op.StrLen{}, &op.GetRange{}, &op.SetRange{}, &op.GetDel{}, &op.GetEx{}, &op.IncrementFloat{}, &op.MultiGet{},
		&op.MultiSet{}, &op.MultiSetNew{}, &op.LCS{},

		&op.BitSet{}, &op.BitGet{}, &op.BitCount{}, &op.BitPos{}, &op.BitField{}, &op.BitFieldRead{}, &op.BitOp{},

		&op.Persist{}, &op.Rename{}, &op.Copy{}, &op.MultiDelete{}, &op.MultiExists{}, &op.ObjectEncoding{}, &op.MemoryUsage{}, &op.Sort{}, &op.Sort{Store: []byte{}},

		&op.DictSetNew{}, &op.DictIncrementFloat{}, &op.DictRandom{}, &op.DictFieldLen{}, &op.Walk{},
		&op.DictExpire{}, &op.DictFieldTTL{}, &op.DictPersist{}, &op.DictGetEx{}, &op.DictSetEx{},

		&op.ListIndex{}, &op.ListSet{}, &op.ListInsert{}, &op.ListFind{}, &op.ListMove{}, &op.ListPopAny{},

		&op.SetMove{}, &op.SetCombine{}, &op.SetCombineStore{}, &op.SetInterCard{}, &op.SetRandom{},

		&op.SortedFetchLex{}, &op.SortedCountLex{}, &op.SortedStore{}, &op.SortedRemovePart{}, &op.SortedPop{},
		&op.SortedPopAny{}, &op.SortedRandom{}, &op.SortedCombine{}, &op.SortedCombineStore{}, &op.SortedInterCard{},

		&op.MetaGet{}, &op.MetaGet{Touch: true}, &op.MetaSet{}, &op.MetaDelete{}, &op.MetaArithmetic{},
	}
}
