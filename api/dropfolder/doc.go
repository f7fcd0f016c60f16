// Package dropfolder is the services of drop folders and of the files in them: dropFolder and dropFolderFile.
package dropfolder
