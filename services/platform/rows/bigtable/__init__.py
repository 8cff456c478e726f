"""The row store on Bigtable, for many."""
