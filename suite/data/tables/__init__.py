"""Tables: rows of a user's own file, or of a download, with columns of any kind."""
