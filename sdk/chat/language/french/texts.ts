/** What the program says in French. */
import type { LanguageTexts } from "../texts.ts";

export const frenchTexts: LanguageTexts = {
  chat: {
    noReasoning: "Pas de raisonnement dans cette conversation : rien à montrer.",
    adapterHelp: "  adapter NOM  répond avec cet adaptateur ; adapter les énumère",
    adapterNow: (name) => `Adaptateur : ${name}.`,
    adapterList: (names) => `Adaptateurs : ${names}.`,
    adapterUnknown: (name, names) => `Pas d'adaptateur « ${name} » ; il y a ${names}.`,
  },
  trace: {
    kept: "gardés",
    dropped: "laissés",
    new_topic: "nouveau sujet",
    window: "fenêtre pleine",
    fallback: "secours",
    model: "avis du modèle",
  },
  checks: {
    empty: "La réponse est vide.",
    wrongLanguage: "La réponse n'est pas en français.",
    wrongTone: (words) => `Le ton ne convient pas : « ${words} ».`,
    padding: "La réponse commence par une formule inutile.",
    repeats: "La réponse se répète.",
    offTopic: (question, answer) => `La réponse parle de ${answer}, la question de ${question}.`,
    foreign: (question) =>
      `La réponse ne parle pas ${/^[aeiouéèêh]/i.test(question) ? "d'" : "de "}${question}.`,
    saysNothing: "La réponse ne dit rien de ce qui est demandé.",
    noAnswer: (asked) => `La question demande ${asked}, la réponse n'en donne pas.`,
    otherFact: (expected) => `La réponse ne dit pas ce qui est demandé : « ${expected} »`,
    number: (given, expected) => `La réponse dit ${given} au lieu de ${expected}.`,
    notInFact: (given, fact) => `La réponse dit ${given}, or : « ${fact} »`,
    earlier: (now, before) => `La réponse dit ${now}, une réponse précédente disait ${before}.`,
    itself: "La réponse se contredit.",
    opposite: (asked, given) => `La question dit « ${asked} », la réponse « ${given} ».`,
    name: (given, expected) => `La réponse parle de ${given} au lieu de ${expected}.`,
    invents: (given) => `La réponse invente « ${given} ».`,
  },
  asked: {
    quantity: "un nombre",
    time: "un moment",
    manner: "une marche à suivre",
    money: "un prix",
    colour: "une couleur",
    phone: "un numéro",
    mail: "une adresse e-mail",
    measure: "une mesure",
    address: "une adresse",
    place: "un lieu",
  },
  beginning: {
    systemPrompt: (name: string) =>
      `Tu es l'assistant de ${name}. Tu réponds en français, poliment, en une ou deux phrases, et seulement avec des faits sûrs.`,
    welcome: (name: string) => `Bienvenue : ${name}. Posez votre question, ou tapez « aide ».`,
    fallback: "Je préfère ne pas répondre au hasard. Pouvez-vous préciser votre question ?",
    fact: "Notre accueil est ouvert du lundi au vendredi de 9 h à 17 h.",
    first: {
      id: "HORAIRES",
      description: "horaires et lieu : quand et où venir",
      keywords: ["horaires", "ouvert", "fermé", "adresse", "venir"],
      examples: ["Quels sont vos horaires ?", "vous etes ouvert samedi", "C'est à quelle adresse ?"],
      answers: ["Nous sommes ouverts du lundi au vendredi."],
    },
    second: {
      id: "RENDEZ_VOUS",
      description: "prendre, déplacer ou annuler un rendez-vous",
      keywords: ["rendez-vous", "réserver", "déplacer", "annuler"],
      examples: ["Je voudrais un rendez-vous", "annuler mon rdv de demain", "Peut-on décaler à jeudi ?"],
      answers: ["Votre rendez-vous est déplacé à jeudi."],
    },
  },
  quote: (text) => `« ${text} »`,
};
