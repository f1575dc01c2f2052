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
	idAppend
	idBitCount
	idBitField
	idBitFieldRead
	idBitGet
	idBitOp
	idBitPos
	idBitSet
	idCopy
	idDictFieldLen
	idDictIncrementFloat
	idDictRandom
	idDictSetNew
	idGetDel
	idGetEx
	idGetRange
	idIncrementFloat
	idLCS
	idListFind
	idListIndex
	idListInsert
	idListMove
	idListPopAny
	idListSet
	idMultiDelete
	idMultiExists
	idMultiGet
	idMultiSet
	idMultiSetNew
	idObjectEncoding
	idPersist
	idRename
	idSetCombine
	idSetCombineStore
	idSetInterCard
	idSetMove
	idSetRandom
	idSetRange
	idSortedCombine
	idSortedCombineStore
	idSortedCountLex
	idSortedFetchLex
	idSortedInterCard
	idSortedPop
	idSortedPopAny
	idSortedRandom
	idSortedRemovePart
	idSortedStore
	idStrLen
	idWalk
	idSort
	idSortStore
	idDictExpire
	idDictFieldTTL
	idDictPersist
	idDictGetEx
	idDictSetEx
	idMemoryUsage
	idMetaGet
	idMetaTouch
	idMetaSet
	idMetaDelete
	idMetaArithmetic
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
	idAppend:               &appendSpec,
	idBitCount:             &bitCountSpec,
	idBitField:             &bitFieldSpec,
	idBitFieldRead:         &bitFieldReadSpec,
	idBitGet:               &bitGetSpec,
	idBitOp:                &bitOpSpec,
	idBitPos:               &bitPosSpec,
	idBitSet:               &bitSetSpec,
	idCopy:                 &copySpec,
	idDictFieldLen:         &dictFieldLenSpec,
	idDictIncrementFloat:   &dictIncrementFloatSpec,
	idDictRandom:           &dictRandomSpec,
	idDictSetNew:           &dictSetNewSpec,
	idGetDel:               &getDelSpec,
	idGetEx:                &getExSpec,
	idGetRange:             &getRangeSpec,
	idIncrementFloat:       &incrementFloatSpec,
	idLCS:                  &lcsSpec,
	idListFind:             &listFindSpec,
	idListIndex:            &listIndexSpec,
	idListInsert:           &listInsertSpec,
	idListMove:             &listMoveSpec,
	idListPopAny:           &listPopAnySpec,
	idListSet:              &listSetSpec,
	idMultiDelete:          &multiDeleteSpec,
	idMultiExists:          &multiExistsSpec,
	idMultiGet:             &multiGetSpec,
	idMultiSet:             &multiSetSpec,
	idMultiSetNew:          &multiSetNewSpec,
	idObjectEncoding:       &objectEncodingSpec,
	idPersist:              &persistSpec,
	idRename:               &renameSpec,
	idSetCombine:           &setCombineSpec,
	idSetCombineStore:      &setCombineStoreSpec,
	idSetInterCard:         &setInterCardSpec,
	idSetMove:              &setMoveSpec,
	idSetRandom:            &setRandomSpec,
	idSetRange:             &setRangeSpec,
	idSort:                 &sortSpec,
	idSortStore:            &sortStoreSpec,
	idSortedCombine:        &sortedCombineSpec,
	idSortedCombineStore:   &sortedCombineStoreSpec,
	idSortedCountLex:       &sortedCountLexSpec,
	idSortedFetchLex:       &sortedFetchLexSpec,
	idSortedInterCard:      &sortedInterCardSpec,
	idSortedPop:            &sortedPopSpec,
	idSortedPopAny:         &sortedPopAnySpec,
	idSortedRandom:         &sortedRandomSpec,
	idSortedRemovePart:     &sortedRemovePartSpec,
	idSortedStore:          &sortedStoreSpec,
	idStrLen:               &strLenSpec,
	idWalk:                 &walkSpec,
	idDictExpire:           &dictExpireSpec,
	idDictFieldTTL:         &dictFieldTTLSpec,
	idDictPersist:          &dictPersistSpec,
	idDictGetEx:            &dictGetExSpec,
	idDictSetEx:            &dictSetExSpec,
	idMemoryUsage:          &memoryUsageSpec,
	idMetaGet:              &metaGetSpec,
	idMetaTouch:            &metaTouchSpec,
	idMetaSet:              &metaSetSpec,
	idMetaDelete:           &metaDeleteSpec,
	idMetaArithmetic:       &metaArithmeticSpec,
}
