"""What notes and labelled lines about an article say, in many languages."""

import pytest

from tasks.clean import clean_text
from tasks.schema import Field, Markup
from tasks.split import is_note
from tasks.text.notes import read_note

TEXT = (
    "The keeper wrote down every ship that passed, by name and by hour, for a life."
    "\n\nNobody knew why he did that, and he never spoke of it, not even at the end."
)


def claimed(line, field):
    """Return what an article with a line below its text claims for a field."""
    _, claims = clean_text(f"Ships\n\n{TEXT}\n\n{line}\n", Markup.TEXT, [])
    return [claim.value for claim in claims if claim.field is field]


@pytest.mark.parametrize(
    ("note", "name"),
    [
        ("Translated from the Spanish by Ana Ruiz.", "Ana Ruiz"),
        ("Translation: Ana Ruiz", "Ana Ruiz"),
        (
            "It first appeared in The Damp Almanac and was translated by Ana Ruiz.",
            "Ana Ruiz",
        ),
        ("Aus dem Englischen von Anna Berg.", "Anna Berg"),
        ("Übersetzung aus dem Französischen: Anna Berg", "Anna Berg"),
        ("Traduit de l'anglais par Zoé Lind.", "Zoé Lind"),
        ("Traduction : Zoé Lind", "Zoé Lind"),
        ("Traduit de l’anglais (États-Unis) par Zoé Lind", "Zoé Lind"),
        ("Traducción de Ana Ruiz.", "Ana Ruiz"),
        ("Traducido del inglés por Ana Ruiz", "Ana Ruiz"),
        ("Traduzione dall'inglese di Marco Neri", "Marco Neri"),
        ("Traduzione di Marco Neri", "Marco Neri"),
        ("Tradução de João Lima", "João Lima"),
        ("Traduzido do inglês por João Lima.", "João Lima"),
        ("Vertaald uit het Engels door Jan de Boer", "Jan de Boer"),
        ("Vertaling: Jan de Boer", "Jan de Boer"),
        ("Przełożyła Anna Nowak", "Anna Nowak"),
        ("Tłumaczenie: Anna Nowak", "Anna Nowak"),
        ("Z angielskiego przełożył Jan Nowak", "Jan Nowak"),
        ("Перевод с английского Анны Беловой", "Анны Беловой"),
        ("Перевод: Анна Белова", "Анна Белова"),
        ("Переклад з англійської: Олена Шевченко", "Олена Шевченко"),
        ("Переклала Олена Шевченко", "Олена Шевченко"),
        ("Z angličtiny přeložil Jan Novák", "Jan Novák"),
        ("Přeložila Jana Nováková", "Jana Nováková"),
        ("Z angličtiny preložil Ján Novák", "Ján Novák"),
        ("Fordította: Kovács Anna", "Kovács Anna"),
        ("Angolból fordította Kovács Anna", "Kovács Anna"),
        ("Traducere de Ion Popescu", "Ion Popescu"),
        ("Traducere din engleză: Ion Popescu", "Ion Popescu"),
        ("Μετάφραση: Μαρία Παππά", "Μαρία Παππά"),
        ("Μετάφραση από τα αγγλικά: Μαρία Παππά", "Μαρία Παππά"),
        ("Превод: Иван Петров", "Иван Петров"),
        ("Превод от английски: Иван Петров", "Иван Петров"),
        ("Превела Марија Јовић", "Марија Јовић"),
        ("Prevela sa engleskog Marija Jović", "Marija Jović"),
        ("S engleskog prevela Marija Horvat", "Marija Horvat"),
        ("Prevedla Ana Novak", "Ana Novak"),
        ("Iz angleščine prevedel Jan Novak", "Jan Novak"),
        ("Översättning: Anna Lind", "Anna Lind"),
        ("Översatt från engelska av Anna Lind", "Anna Lind"),
        ("Oversatt av Kari Berg", "Kari Berg"),
        ("Oversatt fra engelsk av Kari Berg", "Kari Berg"),
        ("Oversat fra engelsk af Mette Holm", "Mette Holm"),
        ("Suomentanut Liisa Virtanen", "Liisa Virtanen"),
        ("Käännös: Liisa Virtanen", "Liisa Virtanen"),
        ("Çeviri: Ayşe Yılmaz", "Ayşe Yılmaz"),
        ("İngilizceden çeviren: Ayşe Yılmaz", "Ayşe Yılmaz"),
        ("译者：王小明", "王小明"),
        ("翻译：王小明", "王小明"),
        ("翻訳：山田太郎", "山田太郎"),
        ("訳：山田太郎", "山田太郎"),
        ("번역: 김철수", "김철수"),
        ("옮긴이 김철수", "김철수"),
        ("ترجمة: أحمد علي", "أحمد علي"),
        ("ترجمة أحمد علي", "أحمد علي"),
        ("ترجمه: علی رضایی", "علی رضایی"),
        ("مترجم: علی رضایی", "علی رضایی"),
        ("תרגום: דנה כהן", "דנה כהן"),
        ("תרגם מאנגלית: דן כהן", "דן כהן"),
        ("अनुवाद: राम शर्मा", "राम शर्मा"),
        ("अनुवादक: राम शर्मा", "राम शर्मा"),
        ("Người dịch: Nguyễn An", "Nguyễn An"),
        ("Penerjemah: Budi Santoso", "Budi Santoso"),
        ("Diterjemahkan oleh Budi Santoso", "Budi Santoso"),
        ("แปลโดย สมชาย ใจดี", "สมชาย ใจดี"),
        ("Traducció de Joan Puig", "Joan Puig"),
        ("Traduït de l'anglès per Joan Puig", "Joan Puig"),
        ("Tõlkinud Mari Tamm", "Mari Tamm"),
        ("Inglise keelest tõlkinud Mari Tamm", "Mari Tamm"),
        ("Tulkoja Anna Kalniņa", "Anna Kalniņa"),
        ("No angļu valodas tulkojusi Anna Kalniņa", "Anna Kalniņa"),
        ("Iš anglų kalbos vertė Jonas Petraitis", "Jonas Petraitis"),
    ],
)
def test_a_note_names_the_translator(note, name):
    """Who translated is known with its place, and so is that it was translated."""
    claims = read_note(note, 0, exact=True)

    found = [claim for claim in claims if claim.field is Field.TRANSLATOR]
    assert [claim.value for claim in found] == [name]
    assert note[found[0].start_chars : found[0].end_chars] == name
    assert Field.IS_TRANSLATED in {claim.field for claim in claims}


@pytest.mark.parametrize(
    "label",
    [
        "Quelle:",
        "Originalartikel:",
        "Article original :",
        "Artículo original:",
        "Articolo originale:",
        "Artigo original:",
        "Oorspronkelijk artikel:",
        "Источник:",
        "Źródło:",
        "Kaynak:",
        "原文链接：",
        "原文:",
        "元記事：",
        "出典：",
        "출처:",
        "원문:",
        "المصدر:",
        "المقال الأصلي:",
        "منبع:",
        "מקור:",
        "स्रोत:",
        "Källa:",
        "Kilde:",
        "Lähde:",
        "Alkuperäinen artikkeli:",
        "Zdroj:",
        "Původní článek:",
        "Forrás:",
        "Eredeti cikk:",
        "Sursa:",
        "Articolul original:",
        "Πηγή:",
        "Αρχικό άρθρο:",
        "Джерело:",
        "Оригінал:",
        "Източник:",
        "Извор:",
        "Izvor:",
        "Vir:",
        "Nguồn:",
        "Sumber:",
        "ที่มา:",
        "Font:",
        "Allikas:",
        "Avots:",
        "Šaltinis:",
    ],
)
def test_a_note_names_the_original(label):
    """An address behind a word for source or original is that of the original."""
    line = f"{label} https://quay.example/ships"

    claims = read_note(line, 0, exact=True)

    assert is_note(line)
    found = [claim.value for claim in claims if claim.field is Field.SOURCE_URL]
    assert found == ["https://quay.example/ships"]


@pytest.mark.parametrize(
    "line",
    [
        "Tags: sea, ships",
        "Schlagwörter: sea, ships",
        "Schlagworte: sea, ships",
        "Themen: sea, ships",
        "Mots-clés : sea, ships",
        "Étiquettes : sea, ships",
        "Etiquetas: sea, ships",
        "Parole chiave: sea, ships",
        "Tag: sea, ships",
        "Palavras-chave: sea, ships",
        "Trefwoorden: sea, ships",
        "Słowa kluczowe: sea, ships",
        "Tagi: sea, ships",
        "Теги: sea, ships",
        "Ключевые слова: sea, ships",
        "Мітки: sea, ships",
        "Štítky: sea, ships",
        "Klíčová slova: sea, ships",
        "Kľúčové slová: sea, ships",
        "Címkék: sea, ships",
        "Etichete: sea, ships",
        "Ετικέτες: sea, ships",
        "Етикети: sea, ships",
        "Ключови думи: sea, ships",
        "Кључне речи: sea, ships",
        "Oznake: sea, ships",
        "Ključne besede: sea, ships",
        "Taggar: sea, ships",
        "Ämnen: sea, ships",
        "Stikkord: sea, ships",
        "Emner: sea, ships",
        "Avainsanat: sea, ships",
        "Asiasanat: sea, ships",
        "Etiketler: sea, ships",
        "标签：sea，ships",
        "關鍵字：sea、ships",
        "タグ：sea、ships",
        "キーワード：sea、ships",
        "태그: sea, ships",
        "키워드: sea, ships",
        "الكلمات المفتاحية: sea، ships",
        "وسوم: sea، ships",
        "برچسب‌ها: sea، ships",
        "کلیدواژه‌ها: sea، ships",
        "תגיות: sea, ships",
        "מילות מפתח: sea, ships",
        "टैग: sea, ships",
        "Từ khóa: sea, ships",
        "Thẻ: sea, ships",
        "Kata kunci: sea, ships",
        "แท็ก: sea, ships",
        "คำสำคัญ: sea, ships",
        "Etiquetes: sea, ships",
        "Märksõnad: sea, ships",
        "Atslēgvārdi: sea, ships",
        "Raktiniai žodžiai: sea, ships",
        "Žymos: sea, ships",
    ],
)
def test_a_labelled_line_holds_the_tags(line):
    """They are lifted out of the text, one by one, whatever comma parts them."""
    assert claimed(line, Field.TAGS) == ["sea; ships"]


@pytest.mark.parametrize(
    "line",
    [
        "Section: Sea",
        "Category: Sea",
        "Rubrik: Sea",
        "Ressort: Sea",
        "Kategorie: Sea",
        "Rubrique : Sea",
        "Catégorie : Sea",
        "Sección: Sea",
        "Sezione: Sea",
        "Categoria: Sea",
        "Seção: Sea",
        "Secção: Sea",
        "Rubriek: Sea",
        "Categorie: Sea",
        "Dział: Sea",
        "Kategoria: Sea",
        "Рубрика: Sea",
        "Раздел: Sea",
        "Розділ: Sea",
        "Rubrika: Sea",
        "Rovat: Sea",
        "Secțiune: Sea",
        "Κατηγορία: Sea",
        "Категория: Sea",
        "Avdelning: Sea",
        "Kategori: Sea",
        "Seksjon: Sea",
        "Sektion: Sea",
        "Osasto: Sea",
        "栏目：Sea",
        "分类：Sea",
        "カテゴリ：Sea",
        "カテゴリー：Sea",
        "분류: Sea",
        "카테고리: Sea",
        "القسم: Sea",
        "التصنيف: Sea",
        "دسته‌بندی: Sea",
        "بخش: Sea",
        "מדור: Sea",
        "קטגוריה: Sea",
        "श्रेणी: Sea",
        "Chuyên mục: Sea",
        "หมวดหมู่: Sea",
        "หมวด: Sea",
        "Secció: Sea",
        "Rubriik: Sea",
        "Skiltis: Sea",
    ],
)
def test_a_labelled_line_holds_the_section(line):
    """It is lifted out of the text."""
    assert claimed(line, Field.SECTION) == ["Sea"]
