"""One module for each kind of server program that a cluster starts; `catalog` lists them."""
