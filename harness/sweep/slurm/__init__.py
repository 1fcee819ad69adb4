"""The engine that trains a grid on a Slurm cluster."""
