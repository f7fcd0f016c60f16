// Package fault marks the steps between which a process may die with something half done. A build with the tag "fault" dies at the step
// that the environment names, so that a test of the real program can see what the next process makes of it. In any other build a
// step is nothing at all.
package fault
