"""What runs in Lambda: main.py, and nothing else in this folder."""
