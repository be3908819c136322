"""What the records of a twin say of each other, checked without recomputing anything."""
