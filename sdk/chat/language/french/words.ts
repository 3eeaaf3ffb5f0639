/** Common French words, folded, so that none of them is taken for a typing error of a domain's word. */
import { list } from "../lists.ts";

export const FRENCH_WORDS: readonly string[] = list(`
  pleut pleuvoir neige soleil pluie vent orage froid chaud planete monde terre ville village pays region quartier maison
  appartement chambre salon cuisine cave garage balcon terrasse jardin escalier ascenseur etage toit mur porte fenetre sol
  plafond voisin voisine voisins gardien concierge famille enfant enfants fille fils garcon mere pere maman papa frere soeur
  oncle tante cousin cousine grand-mere mari femme homme copain copine ami amie amis collegue patron employe vendeur vendeuse
  personne gens client cliente clients societe travail bureau ecole lycee college universite etudiant professeur medecin
  hopital police mairie banque poste gare aeroport route rue avenue place voiture train avion bateau metro taxi moto camion
  matin midi apres-midi soir nuit jour jours semaine mois annee siecle heure minute seconde instant moment fois debut fin
  premier premiere deuxieme second troisieme dernier derniere prochain prochaine suivant suivante precedent ancien ancienne
  nouveau nouvelle nouveaux nouvelles vieux vieille jeune petit petite grand grande gros grosse long longue court courte large
  etroit haut haute bas basse lourd lourde leger legere rapide lent lente facile difficile simple complique compliquee possible
  impossible utile inutile important importante urgent urgente normal normale bizarre etrange serieux serieuse drole triste
  content contente heureux heureuse fatigue fatiguee malade seul seule ensemble different differente pareil pareille meilleur
  meilleure pire mieux bien mal vite doucement souvent toujours jamais parfois rarement encore deja bientot maintenant ensuite
  puis enfin alors donc pourtant cependant sinon aussi surtout seulement vraiment presque environ plutot assez trop beaucoup
  peu tres moins plus autant tellement peut-etre sans doute surement certainement evidemment heureusement malheureusement
  pourquoi comment combien quand lequel laquelle lesquels quelque quelques quelqu chaque plusieurs certains certaines
  aucun aucune autre autres meme memes tel telle tout toute tous toutes rien personne chose choses truc trucs machin
  etre avoir faire dire pouvoir aller voir savoir vouloir venir falloir devoir croire trouver donner prendre parler aimer passer
  mettre demander tenir sembler laisser rester penser entendre regarder repondre rendre connaitre paraitre arriver sentir
  attendre vivre chercher sortir comprendre porter devenir entrer ecrire appeler tomber reprendre commencer suivre montrer
  partir mourir ouvrir lire arreter servir jeter recevoir monter lever agir perdre courir jouer apprendre descendre dormir
  tirer vendre rappeler offrir oublier acheter payer essayer choisir envoyer garder presenter accepter refuser permettre
  aider finir changer fermer marcher manger boire tourner couper casser reparer laver nettoyer ranger conduire voyager visiter
  habiter louer preparer cuisiner chanter danser nager pousser soulever serrer plier coller peindre dessiner imprimer copier
  coucher reveiller habiller gouter toucher goute gouter voyage vacances depart arrivee retour trajet adresse numero code
  gouter gouré goure trompe trompee erreur faute raison tort verite mensonge histoire exemple question reponse probleme solution
  idee avis conseil aide service besoin envie chance hasard peur honte colere joie plaisir amour bonheur espoir doute
  couleur forme taille poids prix argent euro euros monnaie carte cheque compte credit dette impot salaire budget cadeau
  photo image video film musique chanson radio television internet site page lien mail message texte lettre mot phrase langue
  francais francaise anglais anglaise espagnol espagnole allemand allemande italien italienne chinois chinoise belge suisse
  europeen americain arabe russe japonais portugais
  rouge bleu bleue vert verte jaune noir noire blanc blanche gris grise rose violet violette orange marron beige clair claire
  fonce foncee matiere coton laine soie cuir bois metal fer acier verre plastique papier carton pierre or argent cuivre
  pain beurre fromage lait oeuf viande poisson poulet legume fruit pomme poire banane fraise cerise tomate salade carotte
  patate riz pates soupe gateau tarte sucre sel poivre huile vinaigre eau vin biere jus cafe the chocolat glace
  chien chat cheval vache mouton cochon poule canard lapin oiseau souris rat poisson insecte moustique mouche abeille araignee
  serpent lion ours loup tigre singe elephant arbre fleur herbe feuille branche racine graine plante
  tete visage oeil yeux nez bouche oreille oreilles dent dents cheveux cou epaule bras main mains doigt dos ventre jambe jambes
  genou pied pieds coeur sang peau os
  guerre paix loi droit justice police avocat juge tribunal contrat signature document papiers dossier formulaire
  match football foot tennis rugby basket sport equipe joueur gagner perdre jeu jeux fete anniversaire mariage noel
  dimanche lundi mardi mercredi jeudi vendredi samedi janvier fevrier mars avril mai juin juillet aout septembre octobre
  novembre decembre printemps automne hiver
  veux veut voulons voulez veulent voulais voulait peux peut pouvons pouvez peuvent pouvais pouvait dois doit devons devez
  doivent devais devait sais sait savons savez savent vais vas allons allez vont viens vient venons venez viennent prends prend
  prenons prenez prennent mets met mettons mettez dis dit disons dites fais fait faisons font vois voit voyons voyez crois croit
  croyez tiens tient tenez sens sent reste restent restez passe passent passez pense pensent pensez aime aiment aimez plait
  plaisent demande demandent demandez donne donnent donnez trouve trouvent trouvez parle parlent parlez arrive arrivent arrivez
  attends attend attendons attendez comprends comprend comprenez repond repondent repondez ecris ecrit ecrivez lis lisez
  sorti sortie parti partie venu venue mis mise pris prise vu vue su eu fini finie perdu perdue rendu rendue vendu vendue
  recu recue recus ouvert ouverte offert offerte ecrit ecrite dit dite fait faite tombe tombee reste restee monte montee
  arrache laisse laissee marre raccroche rappelle embete bloque sonne frappe crie pleure rit sourit bouge tourne roule vole
  couve glisse flotte brule chauffe refroidit gele sechent seche mouille trempe colle decolle grince craque siffle ronfle
  charge chargee decharge vide pleine plein remplie rempli moitie tiers quart double triple dizaine douzaine vingtaine centaine
  kilo gramme litre metre centimetre pouce degre volt watt
  seller dealer best-seller design vintage mode tendance style gamme marque modele serie version edition collection
  dechets recyclage energie climat pollution ecologie nature foret mer montagne plage riviere lac ile campagne
  soucieux inquiet curieux gentil mechant poli impoli propre sale joli jolie moche laid beau belle beaux belles magnifique
  superbe sympa cool genial nul nulle ridicule honteux scandaleux absurde stupide idiot
  habite habitent habitez loge logement demenage loue proprietaire locataire
  dirait dirais diriez auriez seriez aurait serait pourrait pourriez faudrait devrait voudrait aimerait souhaite souhaiterais
  plairait ferait irait viendrait prendrait mettrait
  ailleurs dehors dedans dessus dessous devant derriere loin pres proche autour milieu centre cote bord coin gauche droite
  contre aupres depuis pendant durant malgre selon parmi envers partout longtemps simplement directement rapidement lentement
  facilement probablement apparemment exactement completement entierement notamment egalement davantage autrement chacun
  chacune certain certaine autrui lesquelles celui celle ceux celles cette votre notre leurs elles trente quarante cinquante
  soixante vingt quatre douze treize quinze seize cent mille million demi demie entre comme lorsque puisque afin tandis
  toutefois neanmoins frais fraiche fraiches panier caisse caisses baisse hausse tente tentes contient contenir contenu
  debout comprise comprises devis devrais servi sert difference differences differents differentes poche poches proches
  interet interets urgence urgences amene amener amende amendes conte contes conter comptes compter contents contentes croise
  croisee croiser veille veiller villes intime prime primes fraises promo replie replier remplir casse tasse masse classe
  trace grace espace surface solaire scolaire dentaire bancaire refaire refait refaite defaire defait parfaite satisfait
  satisfaite fichier fichiers forfait forfaits patrons parents parent absent absente presence absence presents presente
  represente peine peines plaine reine veine haine chaine chaines semelle semelles jumelle vaisselle poubelle echelle
  merveille bouteille bouteilles corbeille feuilles familles filles grille grilles tailles paille rail travaux detail details
  conseils reveil sommeil appareil appareils vieil orteil accueil recueil ecureuil fauteuil fauteuils seuil deuil orgueil
  cercueil montre montres montant montants moments monument moteur moteurs auteur auteurs hauteur lenteur longueur largeur
  chaleur couleurs douleur douleurs valeur valeurs saveur faveur vapeur terreur horreur malheur honneur ampleur fleurs pleur
  soeurs chef chefs cle clef clefs serrure serrures ceinture voitures peinture couverture ouverture fermeture facture
  factures fracture mesure mesures blessure blessures chaussure chaussures coupure coupures piqure brulure morsure creature
  culture lecture lectures ecriture structure aventure avenir revenir obtenir retenir maintenir soutenir convenir prevenir
  parvenir survenir souffrir couvrir decouvrir mentir reussir remplacer deplacer placer lancer avancer balancer annoncer
  prononcer renoncer danger etranger etrangere berger verger charger decharger recharger telecharger partager dommage
  dommages images pages rage sage sages stage stages usage usages villages voyages etages garages menage messages passage
  passages paysage personnage avantage avantages heritage chauffage eclairage parrainage couture coutures pointure pointures debutant debutante debutants peint peinte peints peintes
  monteur monteurs coupe coupes soupe troupe covoiturage bricolage jardinage
  nettoyage`);
