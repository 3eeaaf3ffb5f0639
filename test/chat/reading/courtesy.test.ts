import assert from "node:assert/strict";
import { english } from "../../../sdk/chat/language/english/english.ts";
import { french } from "../../../sdk/chat/language/french/french.ts";
import { CourtesyCheck, type OffenceGrade } from "../../../sdk/chat/reading/courtesy.ts";

describe("courtesy", () => {
  const courtesy = new CourtesyCheck([french.rude, english.rude], {
    insults: ["triple buse"],
    innocent: ["sale temps"],
  });
  const grade = (text: string) => courtesy.check(text).grade;
  const expectGrade = (wanted: OffenceGrade, texts: string[]) => {
    for (const text of texts) assert.equal(grade(text), wanted, text);
  };

  it("grades swearing, insults and threats, in French and English", () => {
    expectGrade("rude", ["putain j'attends encore", "this shit again"]);
    expectGrade("insult", ["bande de connards", "vous êtes vraiment des incapables", "you are idiots", "TG"]);
    expectGrade("threat", ["je sais où vous habitez", "vous allez le regretter, bande de cons"]);
  });

  it("tells people from things and animals that share their name", () => {
    expectGrade("insult", [
      "bande de cornichons",
      "vous êtes des clowns",
      "you bunch of muppets",
      "vs etes des kons",
    ]);
    expectGrade("none", [
      "vos gourdes sont en inox ?",
      "une boîte de thon",
      "une grosse cloche",
      "un sac de patates",
    ]);
  });

  it("knows name-calling by the words that lead up to it, whatever the noun", () => {
    expectGrade("insult", [
      "espèce de vieille chouette",
      "bande de charlatans",
      "t'es qu'une grosse quiche",
      "quel ramassis de bureaucrates",
      "sale bot inutile",
      "t'es bouché ou quoi",
      "Vous n'êtes que des vieux machins",
    ]);
    expectGrade("none", [
      "une espèce de bouton",
      "la bande de roulement",
      "l'évier est bouché",
      "une brochette de poulet",
      "bande de tissu",
      "vous n'êtes que des intermédiaires",
    ]);
  });

  it("sees through light disguise", () => {
    const disguised =
      "c0nn@rd|c o n n a r d|f.d.p|m**de|p***n|enc*lé|connnnard|sal0pe|con-nard|m.erde|konnard|b!tch|A$$hole";
    for (const text of disguised.split("|")) assert.notEqual(grade(text), "none", text);
  });

  it("leaves the innocent alone", () => {
    expectGrade("none", [
      ..."table sale|un pique-nique|le TG 450|des concombres|salopette enfant|chili con carne|prix* hors taxe".split(
        "|",
      ),
      ..."des voleurs ont pris mon colis|votre service est nul|je vais porter plainte|je suis trop con".split(
        "|",
      ),
      ..."merde j'ai oublié mon mot de passe|retards de livraison|un cône|tapette à souris".split("|"),
    ]);
  });

  it("takes words and innocents of the domain", () => {
    assert.equal(grade("espèce de triple buse"), "insult");
    assert.equal(grade("quel sale temps"), "none");
  });

  it("says which words, and where", () => {
    const text = "Répondez, bande de c0nnards !";
    const [found] = courtesy.check(text).found;
    assert.deepEqual([found.grade, found.text], ["insult", "c0nnards"]);
    assert.equal(text.slice(found.start, found.end), "c0nnards");
  });
});
