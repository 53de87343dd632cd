"""What is measured in a process of its own: functions that prepare a contender and return its round; and programs."""
