"""The row store on SQLite, for one machine."""
