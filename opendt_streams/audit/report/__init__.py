"""What the topics of a run tell, for whoever was not there: one document for machines, and one page for people."""
