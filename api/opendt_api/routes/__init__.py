"""The routes: what is asked for is found in the projection, and shaped here."""
