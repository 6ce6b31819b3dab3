"""`make pages`: write the pages that are made from the code."""

from website import models_page, settings_page

if __name__ == "__main__":
    for page in (models_page, settings_page):
        page.PAGE.write_text(page.render(), encoding="utf-8")
