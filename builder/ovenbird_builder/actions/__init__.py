"""What the verbs of the builder do, as functions: values in, a result out, errors raised; nothing is parsed here."""
