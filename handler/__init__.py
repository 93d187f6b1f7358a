"""What runs in Lambda: main.py and nothing else of this folder."""
