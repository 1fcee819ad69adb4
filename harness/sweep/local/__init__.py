"""The engine that trains a grid on this machine."""
