"""Load: generators in processes of their own, and the side that starts them."""
