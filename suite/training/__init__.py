"""The engine: many networks trained as one. Imports with torch and numpy alone."""
