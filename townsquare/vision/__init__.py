"""Count road users in video. Pictures stay in this room and are not kept."""
