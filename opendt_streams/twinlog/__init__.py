"""The twinning log: a projection of the topics into Parquet. Delete it, replay the topics, get the same bytes."""
