//! Codes, divisions, calendars and cleaning rules of Chinese social-organisation work.
