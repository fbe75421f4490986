"""What an install of a configuration needs from elsewhere: the list, the folder that holds it, what is wrong there."""
