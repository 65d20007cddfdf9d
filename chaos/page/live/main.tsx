import '../style.css'
