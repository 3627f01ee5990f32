"""Music that the project makes itself, its encoding to frames, and the windows that training draws from it."""
