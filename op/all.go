package op

// The numbers of the commands. A new command takes a line here and one in All.
const (
	idGet ID = iota
	idSet
	idDelete
	idGetWithHash
	idSetIf
	idSetIfHash
	idExists
	idIncrement
	idUpdateTTL
	idItemTTL
	idItemType
	idDictSet
	idDictGet
	idDictFetch
	idDictIncrement
	idDictDelete
	idDeleteKind
	idDictLength
	idSetLength
	idListLength
	idSortedLength
	idSetUnion
	idSetSubtract
	idSetSubtractFrom
	idSetFetch
	idSetContains
	idSetSample
	idSetPop
	idListPush
	idListPop
	idListFetch
	idListRetain
	idListRemove
	idListErase
	idSortedPut
	idSortedFetch
	idSortedScore
	idSortedRank
	idSortedRemove
	idSortedIncrement
	idSortedCount
	idBoardUpsert
	idBoardRemove
	idBoardDelete
	idBoardLength
	idBoardByRank
	idBoardByScore
	idBoardRank
	idBoardCompetitionRank
	idSortedUnionStore
	idSortedFetchAny
	idSortedReplace
	idCount
)

// Count is the number of commands, for arrays indexed by ID.
const Count = int(idCount)

// All lists every command's spec by its ID.
var All = [Count]*Spec{
	idGet:                  &getSpec,
	idSet:                  &setSpec,
	idDelete:               &deleteSpec,
	idGetWithHash:          &getWithHashSpec,
	idSetIf:                &setIfSpec,
	idSetIfHash:            &setIfHashSpec,
	idExists:               &existsSpec,
	idIncrement:            &incrementSpec,
	idUpdateTTL:            &updateTTLSpec,
	idItemTTL:              &itemTTLSpec,
	idItemType:             &itemTypeSpec,
	idDictSet:              &dictSetSpec,
	idDictGet:              &dictGetSpec,
	idDictFetch:            &dictFetchSpec,
	idDictIncrement:        &dictIncrementSpec,
	idDictDelete:           &dictDeleteSpec,
	idDeleteKind:           &deleteKindSpec,
	idDictLength:           &dictLengthSpec,
	idSetLength:            &setLengthSpec,
	idListLength:           &listLengthSpec,
	idSortedLength:         &sortedLengthSpec,
	idSetUnion:             &setUnionSpec,
	idSetSubtract:          &setSubtractSpec,
	idSetSubtractFrom:      &setSubtractFromSpec,
	idSetFetch:             &setFetchSpec,
	idSetContains:          &setContainsSpec,
	idSetSample:            &setSampleSpec,
	idSetPop:               &setPopSpec,
	idListPush:             &listPushSpec,
	idListPop:              &listPopSpec,
	idListFetch:            &listFetchSpec,
	idListRetain:           &listRetainSpec,
	idListRemove:           &listRemoveSpec,
	idListErase:            &listEraseSpec,
	idSortedPut:            &sortedPutSpec,
	idSortedFetch:          &sortedFetchSpec,
	idSortedScore:          &sortedScoreSpec,
	idSortedRank:           &sortedRankSpec,
	idSortedRemove:         &sortedRemoveSpec,
	idSortedIncrement:      &sortedIncrementSpec,
	idSortedCount:          &sortedCountSpec,
	idBoardUpsert:          &boardUpsertSpec,
	idBoardRemove:          &boardRemoveSpec,
	idBoardDelete:          &boardDeleteSpec,
	idBoardLength:          &boardLengthSpec,
	idBoardByRank:          &boardByRankSpec,
	idBoardByScore:         &boardByScoreSpec,
	idBoardRank:            &boardRankSpec,
	idBoardCompetitionRank: &boardCompetitionRankSpec,
	idSortedUnionStore:     &sortedUnionStoreSpec,
	idSortedFetchAny:       &sortedFetchAnySpec,
	idSortedReplace:        &sortedReplaceSpec,
}
