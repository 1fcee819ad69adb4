"""What a trained network looks at; needs captum, which the extra `explain` installs."""
