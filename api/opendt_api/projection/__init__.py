"""What the API answers from: a projection of the topics, in memory, in columns."""
