"""What the API and a run's report answer from: a projection of the topics, in memory, in columns."""
