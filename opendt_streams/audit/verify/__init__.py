"""Finding whatever was changed since the evidence was sealed, or does not fit the rest."""
