-- Programs before this one run on.

-- To whom a message was refused: what a count of those who cannot sign in goes by, in the order of their ids, and nothing else of the message.
CREATE INDEX messages_refused_of_user ON messages (state, user_id) WHERE state = 'refused';
