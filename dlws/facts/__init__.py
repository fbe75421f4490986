"""What a host or the API is asked, and what the answer means: a question and its parser as one function."""
