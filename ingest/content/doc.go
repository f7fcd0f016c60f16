// Package content gives entries and assets their content, wherever it comes from: an upload token (finished or still filling), a
// URL, another asset or entry, text, a file, or a cut of one of these.
//
// In: an entry without content, or an asset, and a Source. Out, in one transaction: the original or the asset in the state of
// its arrival, the tasks that bring it in and make it playable, the token spent or attached, and the entry's status. What needs
// no work (text, pictures, files that are here already) is stored before the call returns.
//
// It does not transcode, and does not know the wire.
package content
