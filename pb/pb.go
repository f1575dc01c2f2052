// Package pb holds the messages of Momento's protocol, generated from the .proto files of the folder proto by
// `make gen`; nothing in it is written by hand. It has no service code: clients call conn.Invoke with the method's
// path, such as "/cache_client.Scs/Get", and the server (package door/momento) reads and writes the bytes itself. Its
// names are registered under the prefix "hearth.", so that a process may link Momento's own Go SDK too.
package pb
