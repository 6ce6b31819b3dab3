"""`make pages`: write the pages that are made from the code."""

from website import settings_page

if __name__ == "__main__":
    settings_page.PAGE.write_text(settings_page.render(), encoding="utf-8")
