module github.com/hearthcache/hearth

go 1.26
