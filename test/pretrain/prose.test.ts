import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { isHeldOut } from "../../pretrain/corpus.ts";
import { moMessages, poMessages, qmMessages } from "../../pretrain/prose/catalogue.ts";
import { detectLanguage, fault, normalise, Sieve } from "../../pretrain/prose/clean.ts";
import { decodeEntities, markupParagraphs } from "../../pretrain/prose/markup.ts";
import {
  bookParagraphs,
  descriptionParagraphs,
  phpText,
  propertyValues,
  quotedStrings,
} from "../../pretrain/prose/plain.ts";
import { rDataLines } from "../../pretrain/prose/rdata.ts";
import { roffParagraphs } from "../../pretrain/prose/roff.ts";
import { globPattern } from "../../pretrain/prose/sources.ts";

describe("markupParagraphs", () => {
  it("joins lines, keeps inline text, drops tables, listings and scripts", () => {
    const page = `<html><head><script>var a = "<p>no</p>";</script></head><body><h1>Titre</h1>
      <p>Le <b>chat</b> dort&nbsp;: il
      est tard&hellip;</p><table><tr><td>cellule<table><tr><td>dedans</td></tr></table> reste</td></tr></table>
      <script>if (a < b) c = "<p>non</p>";</script><pre>code</pre><!-- caché --><ul><li>Un <em>point</em><li>L&#39;autre</ul></body></html>`;
    assert.deepEqual(markupParagraphs(page), ["Titre", "Le chat dort : il est tard…", "Un point", "L'autre"]);
  });

  it("reads DocBook and Mallard and marks what it cannot know", () => {
    const page = `<para>Voir <xref linkend="a"/> et &produit;.</para><programlisting>x</programlisting>
      <p>Cliquez sur <gui style="button">Oui</gui> <![CDATA[a & b]]>.</p>`;
    assert.deepEqual(markupParagraphs(page), ["Voir \ufffd et \ufffd.", "Cliquez sur Oui a & b."]);
  });

  it("decodes entities once", () => {
    assert.equal(decodeEntities("&amp;lt; &eacute;&#233;&#xE9;"), "&lt; ééé");
  });
});

describe("roffParagraphs", () => {
  it("keeps running text and drops tags, synopses and no-fill parts", () => {
    const page = String.raw`.\" comment
.TH LS 1
.SH NOM
ls \- lister
.SH DESCRIPTION
La commande
.B ls
affiche \fIles fichiers\fP d\(aqun dossier.
.PP
Elle \(Fo trie \(Fc toujours.
.TP
.BR \-a ", " \-\-all
Montrer aussi les fichiers cachés.
.nf
exemple
.fi
.SH VOIR AUSSI
rien`;
    assert.deepEqual(roffParagraphs(page), [
      "La commande ls affiche les fichiers d'un dossier.",
      "Elle « trie » toujours.",
      "Montrer aussi les fichiers cachés.",
    ]);
  });

  it("leaves mdoc pages alone", () => {
    assert.deepEqual(roffParagraphs(".Dd May 1\n.Sh NAME\ntext"), []);
  });
});

describe("catalogues", () => {
  it("reads .mo: contexts and plurals", () => {
    const texts = [Buffer.from("menu\u0004%d file\0%d files"), Buffer.from("%d fichier\0%d fichiers")];
    const file = Buffer.alloc(28 + 16);
    for (const [i, word] of [0x950412de, 0, 1, 28, 36, 0, 0].entries()) file.writeUInt32LE(word, 4 * i);
    file.writeUInt32LE(texts[0].length, 28);
    file.writeUInt32LE(44, 32);
    file.writeUInt32LE(texts[1].length, 36);
    file.writeUInt32LE(44 + texts[0].length, 40);
    assert.deepEqual(moMessages(Buffer.concat([file, ...texts])), [
      { original: "%d file", translation: "%d fichier" },
    ]);
    assert.throws(() => moMessages(Buffer.alloc(28)), {
      message: "not a gettext catalogue: bad magic number",
    });
  });

  it("reads .po: joined lines, escapes, no fuzzy messages", () => {
    const file =
      'msgid ""\nmsgstr "x"\n\nmsgid "a"\nmsgstr ""\n"un "\n"\\"deux\\"\\n"\n\n#, fuzzy\nmsgid "b"\nmsgstr "non"\n';
    assert.deepEqual(poMessages(file), [{ original: "a", translation: 'un "deux"\n' }]);
  });

  it("reads .qm", () => {
    const head = Buffer.alloc(16);
    head.writeUInt32BE(0x3cb86418);
    const message = (text: string) => [3, 0, 0, 0, 2 * text.length, ...Buffer.from(text, "utf16le").swap16()];
    const obsoleteHash = [5, 9, 9, 9, 9];
    const section = [...message("Été"), ...obsoleteHash, 1, ...message("Où ?"), 1];
    const file = Buffer.concat([head, Buffer.from([0x69, 0, 0, 0, section.length, ...section])]);
    assert.deepEqual(qmMessages(file), ["Été", "Où ?"]);
    assert.throws(() => qmMessages(Buffer.alloc(20)), { message: "not a Qt catalogue: bad magic number" });
  });

  it("reads strings of R data", () => {
    const string = (text: string) => Buffer.from([0, 4, 0, 9, 0, 0, 0, text.length, ...Buffer.from(text)]);
    const data = Buffer.concat([Buffer.from([0x58, 0x0a]), string("It is a truth"), string("")]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(data.length);
    assert.deepEqual(rDataLines(Buffer.concat([size, deflateSync(data)])), ["It is a truth", ""]);
  });
});

describe("plain texts", () => {
  it("joins wrapped lines and modernises speech", () => {
    assert.deepEqual(bookParagraphs("Il dit:\nviens.\n\n-- Non; dit-\nelle.", "fr"), [
      "Il dit : viens.",
      "— Non ; dit-elle.",
    ]);
    assert.deepEqual(bookParagraphs("He said;--come.", "en"), ["He said; — come."]);
    assert.deepEqual(phpText("$a = <<<'EOT'\nUn texte.\nEOT;", "fr"), ["Un texte."]);
    assert.throws(() => phpText("$a = 1;", "fr"), { message: "no text between <<<'EOT' and EOT" });
  });

  it("takes values, strings and descriptions", () => {
    assert.deepEqual(propertyValues("# c\nkey=Une \\\n  valeur \\u00e9"), ["", "Une valeur é"]);
    assert.deepEqual(quotedStrings('say("Oui \\"toi\\"") x("non")'), ['Oui "toi"', "non"]);
    const list =
      "Package: a\nDescription-md5: 00\nDescription-fr: court\n Une ligne\n suivie.\n .\n  * liste\n .\n Fin.\n";
    assert.deepEqual(descriptionParagraphs(list), ["Une ligne suivie.", "Fin."]);
  });
});

describe("clean", () => {
  const good = "Le marchand ouvre sa boutique chaque matin, et les clients attendent déjà devant la porte.";

  it("has one form for spaces, quotes and apostrophes", () => {
    assert.equal(
      normalise("«\u00a0L\u2019été\u00a0»,\u202f\u201coui\u201d\u2026 ( a )"),
      '« L\'été », "oui"... (a)',
    );
  });

  it("tells French from English, and says so when it cannot", () => {
    assert.equal(detectLanguage(good), "fr");
    assert.equal(
      detectLanguage("The shop opens in the morning and the customers wait for it at the door."),
      "en",
    );
    assert.equal(detectLanguage("Le titre the of and to est dans le livre is that for it."), undefined);
    assert.equal(detectLanguage("Der Laden öffnet jeden Morgen und die Kunden warten schon."), undefined);
  });

  it("names the fault of what is no prose", () => {
    assert.equal(fault(good), undefined);
    assert.equal(fault("Court."), "short");
    assert.equal(fault(good.replace(/\.$/, "")), "no sentence end");
    assert.equal(fault(good.replace("Le", "le")), "no sentence start");
    assert.equal(fault(good.replace("clients", "\ufffd")), "hole");
    assert.equal(fault(good.replace("clients", "%d clients")), "code or markup");
    assert.equal(fault(good.replace("clients", "--clients")), "code or markup");
    assert.equal(fault(good.replace("boutique", "boutique https:")), "address");
    assert.equal(fault(`Copyright. ${good}`), "legal boilerplate");
    assert.equal(fault(good.toUpperCase()), "many capitals");
    assert.equal(fault(`${good.slice(0, -1)} 1234567.`), "many digits");
  });

  it("takes a paragraph once and counts what it refused", () => {
    const sieve = new Sieve();
    assert.equal(sieve.take(` ${good}\n`, "fr"), good);
    assert.equal(sieve.take(good.replace("matin,", "matin"), "fr"), undefined);
    assert.equal(sieve.take(good.replace("Le", "Ce"), "en"), undefined);
    assert.deepEqual(
      [...sieve.refused],
      [
        ["duplicate", 1],
        ["other language", 1],
      ],
    );
  });
});

describe("corpus", () => {
  it("holds out about one document in a hundred, always the same ones", () => {
    const held = Array.from({ length: 20000 }, (_, n) => isHeldOut(`document ${n}`));
    const count = held.filter(Boolean).length;
    // 200 expected, standard deviation 14
    assert.ok(Math.abs(count - 200) < 70, String(count));
    assert.deepEqual(
      held.slice(0, 300),
      Array.from({ length: 300 }, (_, n) => isHeldOut(`document ${n}`)),
    );
  });

  it("matches paths by pattern", () => {
    assert.ok(globPattern("usr/**/fr/*.(html|page)").test("usr/share/help/fr/index.page"));
    assert.ok(!globPattern("usr/*/fr/*.html").test("usr/share/help/fr/index.html"));
    assert.ok(!globPattern("a.b").test("aXb"));
  });
});
