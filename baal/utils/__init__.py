"""Small leaves that any room may import; they import nothing of the rest."""
