"""The REST API of the twin: an own process that follows the topics with its own reader and answers from what it has read."""
